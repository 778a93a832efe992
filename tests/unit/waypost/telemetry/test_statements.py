"""Statements are events of the running span, named after their operation and table."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from waypost.telemetry import names
from waypost.telemetry.statements import statement_event, statement_name

tracer = trace.get_tracer(__name__)


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("BEGIN;", "begin"),
        ("COMMIT;", "commit"),
        ("ROLLBACK TO SAVEPOINT sa_1", "rollback"),
        ("select id from users.accounts where id = $1", "select users.accounts"),
        ('SELECT "accounts"."id" \nFROM "users"."accounts"', "select users.accounts"),
        ("insert into outbox (id) values ($1) on conflict (id) do update set id = 1", "insert outbox"),
        ("UPDATE public.jobs AS j SET state = 'done' WHERE id = $1", "update public.jobs"),
        ("delete from only inbox where id = $1", "delete inbox"),
        ("/* a comment from nowhere */ select 1 from t for update skip locked", "select t"),
        ("select pg_notify($1, '')", "select pg_notify"),
        ("select set_config('search_path', $1, true)", "select set_config"),
        ("select extract(epoch from now() - at) from outbox", "select outbox"),
        (
            "with due as (select id from jobs for update skip locked) update jobs set state = 'x' from due",
            "update jobs",
        ),
        ("with new (id) as (select $1), old as (select 1) select * from new join events using (id)", "select"),
        ("with recursive open as (select id from invoices) select count(*) from open", "select invoices"),
        ("with gone as (delete from inbox returning id) select count(*) from gone", "delete inbox"),
        ("", "postgresql"),
    ],
)
def test_a_statement_is_named_for_its_operation_and_table(sql: str, name: str) -> None:
    assert statement_name(sql) == name


def test_a_statement_is_an_event_with_its_duration(spans: InMemorySpanExporter) -> None:
    with tracer.start_as_current_span("POST /invoices"), statement_event("insert into outbox values (1)"):
        pass
    (span,) = spans.get_finished_spans()
    ((name, attributes),) = [(event.name, event.attributes or {}) for event in span.events]
    assert name == "insert outbox"
    assert set(attributes) == {names.STATEMENT_MICROSECONDS}
    assert span.start_time is not None and span.start_time <= span.events[0].timestamp


def test_a_failed_statement_has_the_class_of_its_error_and_no_value(spans: InMemorySpanExporter) -> None:
    with (
        tracer.start_as_current_span("POST /invoices"),
        pytest.raises(ValueError, match="a value"),
        statement_event("select 1"),
    ):
        raise ValueError("a value")
    (span,) = spans.get_finished_spans()
    assert (span.events[0].attributes or {})[names.ERROR_TYPE] == "ValueError"
    assert "a value" not in str(dict(span.events[0].attributes or {}))


def test_without_a_span_a_statement_is_not_recorded(spans: InMemorySpanExporter) -> None:
    with statement_event("select 1"):
        pass
    assert spans.get_finished_spans() == ()
