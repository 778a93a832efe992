"""Values of an event between Python and the Avro library, with every check that the library leaves out.

Avro's writer would coerce in silence: 1.5 becomes 1, True becomes 1, a time without a zone becomes local time. Each type of
the tree gets a `ValueCodec` once; per event a plain field costs one type comparison.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, get_args, get_type_hints
from uuid import UUID

from waypost.kernel.frozen_map import FrozenMap
from waypost.schemas.defaults import INT, LONG, fits_float
from waypost.schemas.logical import decimal_bytes, decimal_of, require_whole_millis, time_number, time_of
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

Encode = Callable[[Any], Any]
Decode = Callable[[Any], Any] | None
"""None where the library already gives the Python value."""


class Misfit(ValueError):
    """A value that its field cannot hold. The path names where: `lines[2].price`; the value stays out, it may be personal."""

    def __init__(self, reason: str, path: str = "") -> None:
        self.reason, self.path = reason, path
        super().__init__(f"{path} {reason}")

    def under(self, step: str) -> "Misfit":
        return Misfit(self.reason, step + self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCodec:
    """One type's two directions."""

    encode: Encode
    """Checks everything. Raises Misfit."""
    decode: Decode = None
    """May raise ValueError: bytes of another producer may hold a value that the type does not allow."""
    plain: type | None = None
    """A value of exactly this Python type needs no `encode`: the writer itself refuses what is too large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCodec:
    """A field with its codec."""

    name: str
    value: ValueCodec


def field_codecs(fields: Sequence[Field], owner: type) -> tuple[FieldCodec, ...]:
    """Codecs of a record's fields; `owner` is its generated class, whose annotations name the classes inside. Raises KeyError."""
    annotations = get_type_hints(owner)
    return tuple(FieldCodec(name=each.name, value=_codec(each.type, annotations[each.name])) for each in fields)


def _codec(type_: AvroType, annotation: Any) -> ValueCodec:
    match type_:
        case Scalar():
            return _SCALARS[type_.kind]
        case DecimalType():
            return _decimal(type_)
        case FixedType():
            return ValueCodec(encode=_fixed(type_.size))
        case EnumType():
            return _enum(annotation)
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
        plain=inner.plain,
    )


def _array(items: ValueCodec) -> ValueCodec:
    encode_item, decode_item = items.encode, items.decode

    def encode(value: Any) -> list[Any]:
        encoded = []
        for index, each in enumerate(_require(value, tuple)):
            try:
                encoded.append(encode_item(each))
            except Misfit as misfit:
                raise misfit.under(f"[{index}]") from misfit
        return encoded

    return ValueCodec(
        encode=encode, decode=tuple if decode_item is None else lambda value: tuple(map(decode_item, value))
    )


def _map(values: ValueCodec) -> ValueCodec:
    encode_value, decode_value = values.encode, values.decode

    def encode(value: Any) -> dict[str, Any]:
        try:
            return {_string(key): encode_value(each) for key, each in _require(value, Mapping).items()}
        except Misfit as misfit:
            raise misfit.under("{}" if isinstance(value, Mapping) else "") from misfit

    def decode(value: Mapping[str, Any]) -> FrozenMap[str, Any]:
        return FrozenMap(value if decode_value is None else {key: decode_value(each) for key, each in value.items()})

    return ValueCodec(encode=encode, decode=decode)


def _record(type_: RecordType, owner: type) -> ValueCodec:
    codecs = field_codecs(type_.fields, owner)
    converted = decoders(codecs)

    def encode(value: Any) -> dict[str, Any]:
        _require(value, owner)
        encoded = {}
        for each in codecs:
            try:
                encoded[each.name] = each.value.encode(getattr(value, each.name))
            except Misfit as misfit:
                raise misfit.under(f".{each.name}") from misfit
        return encoded

    def decode(value: dict[str, Any]) -> Any:
        return owner(**{**value, **{name: convert(value[name]) for name, convert in converted}})

    return ValueCodec(encode=encode, decode=decode)


def decoders(codecs: Sequence[FieldCodec]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Name and conversion of the fields that need one."""
    return tuple((each.name, each.value.decode) for each in codecs if each.value.decode is not None)


def _enum(owner: Any) -> ValueCodec:
    return ValueCodec(encode=lambda value: _require(value, owner).value, decode=owner)


def _decimal(type_: DecimalType) -> ValueCodec:
    limits = {"precision": type_.precision, "scale": type_.scale}
    return ValueCodec(
        encode=lambda value: _converted(lambda: decimal_bytes(_require(value, Decimal), **limits)),
        decode=lambda data: decimal_of(data, **limits),
    )


def _fixed(size: int) -> Encode:
    def encode(value: Any) -> bytes:
        if len(_require(value, bytes)) != size:
            raise Misfit(f"has {len(value)} bytes, not {size}")
        return bytes(value)

    return encode


def _require(value: Any, expected: type) -> Any:
    if not isinstance(value, expected):
        raise Misfit(f"is a {type(value).__name__}, not a {expected.__name__}")
    return value


def _converted(convert: Callable[[], Any]) -> Any:
    try:
        return convert()
    except Misfit:
        raise
    except ValueError as error:
        raise Misfit(str(error)) from error


def _string(value: Any) -> str:
    try:
        _require(value, str).encode()
    except UnicodeEncodeError as error:
        raise Misfit("is no Unicode text") from error
    return str.__str__(value)


def _whole(value: Any, allowed: range, bits: int) -> int:
    if isinstance(value, bool) or _require(value, int) not in allowed:
        raise Misfit("is a bool, not a int" if isinstance(value, bool) else f"does not fit {bits} bits")
    return int(value)


def _single(value: Any) -> float:
    if not fits_float(_require(value, float)):
        raise Misfit("does not fit 32 bits exactly; make the field a double")
    return float(value)


def _day(value: Any) -> date:
    if isinstance(value, datetime):
        raise Misfit("is a datetime, not a date")
    day: date = _require(value, date)
    return day


def _moment(value: Any) -> datetime:
    if _require(value, datetime).utcoffset() is None:
        raise Misfit("is a time without a zone")
    moment: datetime = value
    return moment


def _milli_moment(value: Any) -> datetime:
    moment = _moment(value)
    _converted(lambda: require_whole_millis(moment.microsecond))
    return moment


def _time(kind: str) -> ValueCodec:
    return ValueCodec(
        encode=lambda value: _converted(lambda: time_number(_require(value, time), kind)),
        decode=lambda number: time_of(number, kind),
    )


_SCALARS: Mapping[str, ValueCodec] = {
    "string": ValueCodec(encode=_string, plain=str),
    "bytes": ValueCodec(encode=lambda value: _require(value, bytes), plain=bytes),
    "boolean": ValueCodec(encode=lambda value: _require(value, bool), plain=bool),
    "int": ValueCodec(encode=lambda value: _whole(value, INT, 32)),
    "long": ValueCodec(encode=lambda value: _whole(value, LONG, 64), plain=int),
    "float": ValueCodec(encode=_single),
    "double": ValueCodec(encode=lambda value: _require(value, float), plain=float),
    "uuid": ValueCodec(encode=lambda value: _require(value, UUID), plain=UUID),
    "date": ValueCodec(encode=_day),
    "time-millis": _time("time-millis"),
    "time-micros": _time("time-micros"),
    "timestamp-millis": ValueCodec(encode=_milli_moment),
    "timestamp-micros": ValueCodec(encode=_moment),
}
