"""Readers of records: one Python function per generated class, made from source text like

    def read(data, at):
        event = create(draft)
        # tenant_id
        if data[at] == 72:
            begin, at = at + 1, at + 37
            event.tenant_id = uuid(data[begin:at].decode())
        else:
            event.tenant_id, at = read_tenant_id(data, at)
        # created_at
        event.created_at, at = read_created_at(data, at)
        event.reason = default_reason
        event.__class__ = owner
        return event, at

The common forms of the common types are read in place, because a call per field takes as long as
the reading itself. Every other form is left to the field's reader in `waypost.schemas.wire`. Here
`reason` is a field that the schema, an older version, does not have.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from waypost.kernel.uuid_text import uuid_of_canonical
from waypost.schemas.wire import Read, read_bytes, read_string, read_uuid

_IN_PLACE: Mapping[Read, str] = {
    read_uuid: """
    if data[at] == 72:  # 36 characters
        begin, at = at + 1, at + 37
        event.{name} = uuid(data[begin:at].decode())""",
    read_string: """
    size = data[at]
    if size < 128 and not size & 1:  # a size in one byte: twice the number of bytes
        begin, at = at + 1, at + 1 + (size >> 1)
        event.{name} = data[begin:at].decode()""",
    read_bytes: """
    if data[at] == 0:
        event.{name}, at = b"", at + 1""",
}
_OTHERWISE = """
    else:
        event.{name}, at = read_{name}(data, at)"""
_BY_CALL = """
    event.{name}, at = read_{name}(data, at)"""


def record(owner: type[Any], fields: Sequence[tuple[str, Read]]) -> Read:
    """`owner` is a generated class, `fields` the name and reader of each field in the order of the
    schema, which may be an older version: other fields get their defaults, which are immutable.
    """
    read_names = {name for name, _ in fields}
    missing = {field.name: field.default for field in dataclasses.fields(owner) if field.name not in read_names}
    namespace: dict[str, Any] = {
        "create": object.__new__,
        "draft": _draft(owner),
        "owner": owner,
        "uuid": uuid_of_canonical,
        **{f"read_{name}": read for name, read in fields},
        **{f"default_{name}": default for name, default in missing.items()},
    }
    exec(compile(source_of(fields, missing), f"<reader of {owner.__name__}>", "exec"), namespace)  # noqa: S102 - our own text
    read: Callable[[bytes, int], tuple[Any, int]] = namespace["read"]
    return read


def source_of(fields: Sequence[tuple[str, Read]], missing: Iterable[str] = ()) -> str:
    """The source text of a reader. Raises ValueError for a field whose name is not a Python
    identifier.
    """
    return "\n".join(_lines(fields, missing))


def _lines(fields: Sequence[tuple[str, Read]], missing: Iterable[str]) -> Iterator[str]:
    yield "def read(data, at):"
    yield "    event = create(draft)"
    for name, read in fields:
        if not name.isidentifier():
            raise ValueError(f"{name!r} is not a Python identifier: rename the field in its schema")
        template = _IN_PLACE[read] + _OTHERWISE if read in _IN_PLACE else _BY_CALL
        yield f"    # {name}{template.format(name=name)}"
    for name in missing:
        yield f"    event.{name} = default_{name}"
    yield "    event.__class__ = owner"
    yield "    return event, at"


def _draft(owner: type[Any]) -> type[Any]:
    """The class with fields that can be set. The `__init__` of a frozen dataclass takes longer than
    everything else.
    """
    return type(f"{owner.__name__}Draft", (owner,), {"__slots__": (), "__setattr__": object.__setattr__})
