"""Bounds of each table and topic: the tables in the code, with their entries of
`retention.yaml`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from infra.reference.catalogs import read_catalog
from infra.reference.markdown import code, page, table
from infra.services import SERVICES
from waypost.engine.consumer import ConsumerPolicy
from waypost.hosting.retention_sweeper import ROUND, Retention
from waypost.hosting.service import Service
from waypost.hosting.settings import ApiSettings
from waypost.kernel.errors import Misconfigured
from waypost.kernel.topic import Topic
from waypost.postgres.expected_tables import TOOLKIT_TABLES
from waypost.postgres.retention import CHUNK
from waypost.postgres.revisions import TOOLKIT, service_line
from waypost.schemas.topics import declared_topics

CATALOG = Path(__file__).with_name("retention.yaml")
HEADER = ("table", "rows are bounded by", "removed by", "when")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    bounded_by: str
    removed_by: str = ""
    """The dotted name of a function. Empty if no row is removed."""
    rate: str = f"every {{round}}, {CHUNK:,} rows per transaction"


def retention_page() -> str:
    toolkit, services = bounds()
    return page(
        "Retention",
        "Each table and topic with the limit of its rows, and the function that removes rows. The retention runs in"
        " the job process of each service. A table without a bound fails `make check`.",
        f"## Tables of the toolkit\n\nIn the database of each service.\n\n{table(HEADER, _rows(toolkit))}",
        f"## Tables of the services\n\n{table(HEADER, _rows(services))}",
        "## Topics\n\nRead models are rebuilt from the first record on, so a topic of the application loses none."
        f" The broker's own topics keep its defaults.\n\n{table(('topic', 'records are bounded by'), map(_topic, declared_topics()))}",
    )


def bounds() -> tuple[Mapping[str, Bound], Mapping[str, Bound]]:
    """The bounds of the toolkit's tables, and of the services' tables. Raises Misconfigured if a
    table has none, an entry has no table, or a function does not exist.
    """
    catalog = read_catalog(CATALOG)
    toolkit = _of(catalog["toolkit"], toolkit_tables()) | _of(catalog["read_models"], ["versions"])
    return toolkit, _of(catalog["services"], service_tables())


def toolkit_tables() -> Sequence[str]:
    lines = (TOOLKIT, service_line(next(iter(SERVICES))))
    return [*(expected.name for expected in TOOLKIT_TABLES), *(line.version_table for line in lines)]


def service_tables() -> Sequence[str]:
    """`<service>.<table>` in the schema `public`, `<service>.<projection>.<table>` otherwise."""
    return [name for service in SERVICES for name in _tables_of(import_module(f"services.{service}.app").SERVICE)]


def _tables_of(service: Service) -> Iterator[str]:
    for own in service.tables:
        yield from (f"{service.name}.{each.name}" for each in own.sorted_tables)
    for model in service.read_models:
        yield from (f"{service.name}.{model.name}.{each.name}" for each in model.tables.sorted_tables)


def _of(entries: Mapping[str, Mapping[str, str]], tables: Sequence[str]) -> dict[str, Bound]:
    where = f"infra/reference/{CATALOG.name}"
    if missing := [name for name in tables if name not in entries]:
        raise Misconfigured(
            f"tables without a bound: {', '.join(missing)}. Add an entry for each to {where}: the limit of its rows,"
            " and the function that removes rows"
        )
    if unknown := sorted(entries.keys() - set(tables)):
        raise Misconfigured(f"{where} describes tables that do not exist: {', '.join(unknown)}. Remove these entries")
    found = {name: Bound(**entries[name]) for name in tables}
    for name, bound in found.items():
        if bound.removed_by and not _exists(bound.removed_by):
            raise Misconfigured(f"{where} names {bound.removed_by} for {name}, which does not exist: correct the name")
    return found


def _exists(dotted: str) -> bool:
    parts = dotted.split(".")
    for at in range(len(parts) - 1, 0, -1):
        try:
            value: Any = import_module(".".join(parts[:at]))
        except ModuleNotFoundError:
            continue
        return all((value := getattr(value, name, None)) is not None for name in parts[at:])
    return False


def _rows(found: Mapping[str, Bound]) -> Iterator[Sequence[str]]:
    limits = _limits()
    for name, bound in found.items():
        when = bound.rate.format(**limits) if bound.removed_by else ""
        yield code(name), bound.bounded_by.format(**limits), code(bound.removed_by), when


def _limits() -> Mapping[str, str]:
    policy, retention = ConsumerPolicy(), Retention()
    ages: dict[str, timedelta] = {each.name: getattr(retention, each.name) for each in fields(retention)}
    return {
        **{name: _duration(age) for name, age in ages.items()},
        "round": _duration(ROUND),
        "chunk": f"{CHUNK:,}",
        "max_dead_letters": f"{policy.max_dead_letters:,}",
        "max_out_of_order_dead_letters": f"{policy.max_out_of_order_dead_letters:,}",
        "outbox_cap_rows": f"{ApiSettings.model_fields['outbox_cap_rows'].default:,}",
    }


def _duration(age: timedelta) -> str:
    number, unit = (age.days, "day") if age.days else (age.seconds // 3600, "hour")
    return unit if number == 1 else f"{number} {unit}s"


def _topic(topic: Topic) -> Sequence[str]:
    if topic.configuration.get("cleanup.policy") == "compact":
        lag = topic.configuration.get("max.compaction.lag.ms", "no limit")
        return code(topic.name), f"one record per key: earlier ones are removed; `max.compaction.lag.ms` {lag}"
    age, size = (topic.configuration.get(name, "-1") for name in ("retention.ms", "retention.bytes"))
    if (age, size) == ("-1", "-1") and topic.configuration.get("cleanup.policy", "delete") == "delete":
        return code(topic.name), "its events; none is deleted"
    return code(topic.name), f"`retention.ms` {age}, `retention.bytes` {size}: a rebuild refuses where records are gone"
