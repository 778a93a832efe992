"""Reads Avro's binary encoding (Avro 1.12, "Binary Encoding") into Python values.

Each reader takes bytes and a position, and returns a value and the position after it. It does not
notice a text or byte string that is cut short: the position is then beyond the end of the bytes,
which the caller compares. Other invalid bytes raise an error.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from struct import Struct
from typing import Any
from uuid import UUID

from waypost.kernel.frozen_map import FrozenMap
from waypost.kernel.uuid_text import uuid_of
from waypost.schemas.logical import EPOCH

Read = Callable[[bytes, int], tuple[Any, int]]

_FLOAT, _DOUBLE = Struct("<f"), Struct("<d")
_WORD = Struct("<Q")
_ENDS, _LAST_ENDS = 0x8080808080808080, 0x0080808080808080
"""The highest bit of each byte is set, except in the last byte of a number."""
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_LONG_BYTES = 9
"""A longer number has more than 63 bits. Only the library reads it."""


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """An int or a long: seven bits per byte, the lowest first; the sign is the lowest bit."""
    number = shift = 0
    for byte in data[at : at + _LONG_BYTES]:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return (number >> 1) ^ -(number & 1), at + shift // 7
    raise ValueError("a number is cut short or has more than 63 bits")


def read_eight(data: bytes, at: int) -> tuple[int, int]:
    """As `read_long`, faster for a number in eight bytes, as a time in microseconds from 1979 to
    3111 has. There must be eight more bytes.
    """
    (word,) = _WORD.unpack_from(data, at)
    if word & _ENDS != _LAST_ENDS:
        return read_long(data, at)
    word &= 0x7F7F7F7F7F7F7F7F
    word = word & 0x007F007F007F007F | (word & 0x7F007F007F007F00) >> 1
    word = word & 0x00003FFF00003FFF | (word & 0x3FFF00003FFF0000) >> 2
    number = word & 0x000000000FFFFFFF | (word & 0x0FFFFFFF00000000) >> 4
    return (number >> 1) ^ -(number & 1), at + 8


def read_string(data: bytes, at: int) -> tuple[str, int]:
    size = data[at]
    if size > 127 or size & 1:  # not the common case, a size in one byte: twice the number of bytes
        size, at = _size(data, at)
    else:
        size, at = size >> 1, at + 1
    end = at + size
    return data[at:end].decode(), end


def read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    size, at = _size(data, at)
    end = at + size
    return data[at:end], end


def _size(data: bytes, at: int) -> tuple[int, int]:
    size, at = read_long(data, at)
    if size < 0:
        raise ValueError("a size is negative")
    return size, at


def read_uuid(data: bytes, at: int) -> tuple[UUID, int]:
    text, at = read_string(data, at)
    return uuid_of(text), at


def read_boolean(data: bytes, at: int) -> tuple[bool, int]:
    return data[at] != 0, at + 1


def read_float(data: bytes, at: int) -> tuple[float, int]:
    return _FLOAT.unpack_from(data, at)[0], at + _FLOAT.size


def read_double(data: bytes, at: int) -> tuple[float, int]:
    return _DOUBLE.unpack_from(data, at)[0], at + _DOUBLE.size


def read_date(data: bytes, at: int) -> tuple[date, int]:
    days, at = read_long(data, at)
    return date.fromordinal(_EPOCH_DAY + days), at


def timestamp(unit: timedelta) -> Read:
    def read(data: bytes, at: int) -> tuple[datetime, int]:
        number, at = read_eight(data, at) if len(data) >= at + 8 else read_long(data, at)
        return EPOCH + number * unit, at

    return read


def fixed(size: int) -> Read:
    def read(data: bytes, at: int) -> tuple[bytes, int]:
        if at + size > len(data):
            raise IndexError("a fixed value is cut short")  # else an array of them could have any length
        return data[at : at + size], at + size

    return read


def enum(members: Sequence[Any]) -> Read:
    """`members`: the value of each symbol, in the order of the schema."""

    def read(data: bytes, at: int) -> tuple[Any, int]:
        index, at = read_long(data, at)
        if index < 0:
            raise IndexError("a symbol's index is negative")
        return members[index], at

    return read


def nullable(read_value: Read) -> Read:
    """A union of null and one other type, in this order."""

    def read(data: bytes, at: int) -> tuple[Any, int]:
        branch, at = read_long(data, at)
        if branch not in (0, 1):
            raise ValueError("a union has no such branch")
        return read_value(data, at) if branch else (None, at)

    return read


def array(read_item: Read) -> Read:
    def read(data: bytes, at: int) -> tuple[tuple[Any, ...], int]:
        items: list[Any] = []
        count, at = _block(data, at)
        while count:
            for _ in range(count):
                item, at = read_item(data, at)
                items.append(item)
            count, at = _block(data, at)
        return tuple(items), at

    return read


def mapping(read_value: Read) -> Read:
    def read(data: bytes, at: int) -> tuple[Mapping[str, Any], int]:
        values: dict[str, Any] = {}
        count, at = _block(data, at)
        while count:
            for _ in range(count):
                key, at = read_string(data, at)
                values[key], at = read_value(data, at)
            count, at = _block(data, at)
        return FrozenMap(values), at

    return read


def _block(data: bytes, at: int) -> tuple[int, int]:
    """The number of items in the next block. Zero ends an array or a map. A negative number is
    followed by the size of the block, for readers that skip it.
    """
    count, at = read_long(data, at)
    if count < 0:
        _, at = read_long(data, at)
    return abs(count), at


def converted(read_value: Read, convert: Callable[[Any], Any]) -> Read:
    def read(data: bytes, at: int) -> tuple[Any, int]:
        value, at = read_value(data, at)
        return convert(value), at

    return read
