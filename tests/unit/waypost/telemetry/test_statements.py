"""Database spans say what they do, and to which table."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from waypost.telemetry.statements import INSTRUMENTATION, StatementNames, statement_name


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


@pytest.mark.parametrize(
    ("scope", "attribute", "name"),
    [
        (INSTRUMENTATION, "db.query.text", "select users.accounts"),
        (INSTRUMENTATION, "db.statement", "select users.accounts"),
        ("another.library", "db.query.text", "select"),
    ],
)
def test_spans_of_the_database_client_alone_are_renamed(scope: str, attribute: str, name: str) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(StatementNames())
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer(scope).start_as_current_span(
        "select", attributes={attribute: "select id from users.accounts"}
    ):
        pass
    assert [span.name for span in exporter.get_finished_spans()] == [name]
