"""Rules for the versions of an event type that Avro's compatibility checker does not have."""

from collections.abc import Iterator, Sequence

from waypost.schemas.problems import SchemaProblem
from waypost.schemas.sources import SchemaSource
from waypost.schemas.types import SCALARS, AvroType, DecimalType, EnumType, Field, nested, nested_fields

_LOGICAL = {kind for (_, logical), kind in SCALARS.items() if logical is not None} | {"decimal"}
_TEXT = ("string", "bytes")


def evolution_problems(sources: Sequence[SchemaSource]) -> Iterator[SchemaProblem]:
    """Versions count from 1, all on one topic, and the meaning of a field never changes."""
    for event_type, versions in by_type(sources).items():
        yield from _numbers(event_type, versions)
        yield from _Meanings().check(versions)


def by_type(sources: Sequence[SchemaSource]) -> dict[str, list[SchemaSource]]:
    """Event type → its versions, oldest first."""
    found: dict[str, list[SchemaSource]] = {}
    for source in sorted(sources, key=lambda source: (source.event_type, source.version)):
        found.setdefault(source.event_type, []).append(source)
    return found


def _numbers(event_type: str, versions: Sequence[SchemaSource]) -> Iterator[SchemaProblem]:
    numbers = [source.version for source in versions]
    if numbers != list(range(1, len(numbers) + 1)):
        yield SchemaProblem(
            f"avro/{event_type}",
            f"the versions are {numbers}",
            "every published version stays, counted from 1",
            "restore or rename",
        )
    if len({source.topic for source in versions}) > 1:
        yield SchemaProblem(
            f"avro/{event_type}",
            "the versions name several topics",
            "events are in order only within one topic",
            "name one",
        )


class _Meanings:
    """The properties of each field in the earlier versions of one event type, including removed
    fields. Each check compares with the first occurrence, and records it.
    """

    def __init__(self) -> None:
        self._fields: dict[str, tuple[SchemaSource, Field]] = {}
        self._types: dict[str, tuple[SchemaSource, AvroType]] = {}
        self._defaults: dict[str, tuple[SchemaSource, object]] = {}
        self._personal: dict[str, SchemaSource] = {}
        self._symbols: dict[str, dict[str, SchemaSource]] = {}

    def check(self, versions: Sequence[SchemaSource]) -> Iterator[SchemaProblem]:
        for source in versions:
            for path, field in nested_fields(source.fields):
                where = f"{source.label}, field {path}"
                yield from self._check_unit(where, path, source, field)
                yield from self._check_default(where, path, source, field)
                yield from self._check_personal_mark(where, path, source, field)
            for field in source.fields:
                for path, type_ in nested(field.type, field.name):
                    where = f"{source.label}, field {path}"
                    first, before = self._types.setdefault(path, (source, type_))
                    yield from _changes(where, first, _type_meaning(before), _type_meaning(type_))
                    if {before.kind, type_.kind} == set(_TEXT):
                        yield _changed(where, "type", type_.kind, first, before.kind)
                    if isinstance(type_, EnumType):
                        yield from self._check_symbols(where, path, source, type_)

    def _check_unit(self, where: str, path: str, source: SchemaSource, field: Field) -> Iterator[SchemaProblem]:
        first, before = self._fields.setdefault(path, (source, field))
        meanings = ({"unit": version.definition.get("unit")} for version in (before, field))
        yield from _changes(where, first, *meanings)

    def _check_default(self, where: str, path: str, source: SchemaSource, field: Field) -> Iterator[SchemaProblem]:
        if not field.has_default:
            return
        default = field.definition["default"]
        first, before = self._defaults.setdefault(path, (source, default))
        if default != before or isinstance(default, bool) != isinstance(before, bool):
            yield SchemaProblem(
                where,
                f"the default is {default!r}, in version {first.version} it is {before!r}",
                "events that lack the field would change their value",
                f"keep {before!r}, and set the value in the code that records the event",
            )

    def _check_personal_mark(
        self, where: str, path: str, source: SchemaSource, field: Field
    ) -> Iterator[SchemaProblem]:
        if field.personal:
            self._personal.setdefault(path, source)
        elif first := self._personal.get(path):
            yield SchemaProblem(
                where,
                f'the field has no "pii": true, which it has in version {first.version}',
                "stored events still identify the person: erasure and logs would no longer hide the value",
                'keep "pii": true; put other data into a new field',
            )

    def _check_symbols(self, where: str, path: str, source: SchemaSource, type_: EnumType) -> Iterator[SchemaProblem]:
        known = self._symbols.setdefault(path, {})
        removed = [symbol for symbol in known if symbol not in type_.symbols]
        if removed:
            yield SchemaProblem(
                where,
                f"the symbol {removed[0]} of version {known[removed[0]].version} is missing",
                f"events with it would be read as {type_.default}",
                "keep the symbol, and state in the doc that it is no longer written",
            )
        for symbol in type_.symbols:
            known.setdefault(symbol, source)


def _type_meaning(type_: AvroType) -> dict[str, object]:
    decimal = type_ if isinstance(type_, DecimalType) else None
    return {
        "logical type": type_.kind if type_.kind in _LOGICAL else None,
        "precision": decimal and decimal.precision,
        "scale": decimal and decimal.scale,
        "default symbol": type_.default if isinstance(type_, EnumType) else None,
    }


def _changes(
    where: str, first: SchemaSource, before: dict[str, object], now: dict[str, object]
) -> Iterator[SchemaProblem]:
    for aspect in (aspect for aspect in now if now[aspect] != before[aspect]):
        yield _changed(where, aspect, now[aspect], first, before[aspect])


def _changed(where: str, aspect: str, now: object, first: SchemaSource, before: object) -> SchemaProblem:
    return SchemaProblem(
        where,
        f"the {aspect} is {now}, in version {first.version} it is {before}",
        "old events would be read as other values, and Avro's checker does not detect it",
        "give the new meaning a new field name",
    )
