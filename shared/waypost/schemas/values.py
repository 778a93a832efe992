"""Conversion of event values between Python and the Avro library, with the checks that the library
omits.

Avro's writer coerces silently: 1.5 becomes 1, True becomes 1, a time without a time zone becomes
local time. Each type gets one `ValueCodec`, so that a plain field costs only one type comparison
per event.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, get_args, get_type_hints

from waypost.kernel.frozen_map import FrozenMap
from waypost.schemas import wire
from waypost.schemas.logical import decimal_bytes, decimal_of
from waypost.schemas.record_reader import record
from waypost.schemas.scalar_values import SCALAR_CODECS, Encode, Misfit, ValueCodec, converted, require, string
from waypost.schemas.types import (
    ArrayType,
    AvroType,
    DecimalType,
    EnumType,
    Field,
    FixedType,
    MapType,
    NullableType,
    RecordType,
    Scalar,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCodec:
    """A field with its codec."""

    name: str
    value: ValueCodec


def field_codecs(fields: Sequence[Field], owner: type) -> tuple[FieldCodec, ...]:
    """Codecs of a record's fields. `owner` is its generated class, whose annotations contain the
    nested classes. Raises KeyError.
    """
    annotations = get_type_hints(owner)
    return tuple(FieldCodec(name=field.name, value=_codec(field.type, annotations[field.name])) for field in fields)


def _codec(type_: AvroType, annotation: Any) -> ValueCodec:
    match type_:
        case Scalar():
            return SCALAR_CODECS[type_.kind]
        case DecimalType():
            return _decimal(type_)
        case FixedType():
            return ValueCodec(encode=_fixed(type_.size), read=wire.fixed(type_.size))
        case EnumType():
            return _enum(type_, annotation)
        case NullableType():
            return _nullable(_codec(type_.value, get_args(annotation)[0]))
        case ArrayType():
            return _array(_codec(type_.items, get_args(annotation)[0]))
        case MapType():
            return _map(_codec(type_.values, get_args(annotation)[1]))
        case RecordType():
            return _record(type_, annotation)
    raise KeyError(type_.kind)


def _nullable(inner: ValueCodec) -> ValueCodec:
    encode, decode = inner.encode, inner.decode
    return ValueCodec(
        encode=lambda value: None if value is None else encode(value),
        decode=decode and (lambda value: None if value is None else decode(value)),
        read=wire.nullable(inner.read),
        plain=inner.plain,
    )


def _array(items: ValueCodec) -> ValueCodec:
    encode_item, decode_item = items.encode, items.decode

    def encode(value: Any) -> list[Any]:
        encoded = []
        for index, item in enumerate(require(value, tuple)):
            try:
                encoded.append(encode_item(item))
            except Misfit as misfit:
                raise misfit.under(f"[{index}]") from misfit
        return encoded

    return ValueCodec(
        encode=encode,
        decode=tuple if decode_item is None else lambda value: tuple(map(decode_item, value)),
        read=wire.array(items.read),
    )


def _map(values: ValueCodec) -> ValueCodec:
    encode_value, decode_value = values.encode, values.decode

    def encode(value: Any) -> dict[str, Any]:
        try:
            return {string(key): encode_value(item) for key, item in require(value, Mapping).items()}
        except Misfit as misfit:
            raise misfit.under("{}" if isinstance(value, Mapping) else "") from misfit

    def decode(value: Mapping[str, Any]) -> FrozenMap[str, Any]:
        return FrozenMap(value if decode_value is None else {key: decode_value(item) for key, item in value.items()})

    return ValueCodec(encode=encode, decode=decode, read=wire.mapping(values.read))


def _record(type_: RecordType, owner: type) -> ValueCodec:
    codecs = field_codecs(type_.fields, owner)
    conversions = decoders(codecs)

    def encode(value: Any) -> dict[str, Any]:
        require(value, owner)
        encoded = {}
        for codec in codecs:
            try:
                encoded[codec.name] = codec.value.encode(getattr(value, codec.name))
            except Misfit as misfit:
                raise misfit.under(f".{codec.name}") from misfit
        return encoded

    def decode(value: dict[str, Any]) -> Any:
        return owner(**{**value, **{name: convert(value[name]) for name, convert in conversions}})

    read = record(owner, [(codec.name, codec.value.read) for codec in codecs])
    return ValueCodec(encode=encode, decode=decode, read=read)


def decoders(codecs: Sequence[FieldCodec]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Name and conversion of the fields that need one."""
    return tuple((codec.name, codec.value.decode) for codec in codecs if codec.value.decode is not None)


def _enum(type_: EnumType, owner: Any) -> ValueCodec:
    members = [owner(symbol) for symbol in type_.symbols]
    return ValueCodec(encode=lambda value: require(value, owner).value, decode=owner, read=wire.enum(members))


def _decimal(type_: DecimalType) -> ValueCodec:
    limits = {"precision": type_.precision, "scale": type_.scale}

    def decode(data: bytes) -> Decimal:
        return decimal_of(data, **limits)

    return ValueCodec(
        encode=lambda value: converted(lambda: decimal_bytes(require(value, Decimal), **limits)),
        decode=decode,
        read=wire.converted(wire.read_bytes, decode),
    )


def _fixed(size: int) -> Encode:
    def encode(value: Any) -> bytes:
        if len(require(value, bytes)) != size:
            raise Misfit(f"has {len(value)} bytes, not {size}")
        return bytes(value)

    return encode
