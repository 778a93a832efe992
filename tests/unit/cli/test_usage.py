"""Arguments are checked before any server is contacted; output formats."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import typer
from typer.testing import CliRunner

from tests.fixtures.envelopes import user_created_envelope
from waypost.cli.events.tail import line
from waypost.cli.main import app
from waypost.cli.output import print_error, span_of
from waypost.cli.parsers import parse_rate, parse_time
from waypost.cli.services import start_hint
from waypost.kafka.catalog import chosen_from
from waypost.kernel.cloudevents import to_headers, to_metadata
from waypost.kernel.envelope import Record
from waypost.kernel.errors import Invalid, NotFound, Transient, WaypostError
from waypost.operations.records import RecordView
from waypost.ports.subscription import Partition
from waypost.postgres.refused_sessions import SessionRefused


@pytest.mark.parametrize(
    "arguments",
    [
        ["events", "show", "not-an-id"],
        ["events", "tail", "--from", "yesterday"],
        ["dead-letters", "list", "--status", "x"],
    ],
)
def test_a_mistyped_argument_is_a_matter_of_usage(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "nope"], "'nope' is not an id. Ids look like 01a21327-"),
        (["discard", "nope", "--reason", "why"], "'nope' is not an id"),
        (["list", "--tenant", "us"], "'us' is not an id"),
        (["list", "--since", "soon"], "'soon' is not a time. Use 2026-11-28T09:30Z"),
        (["redrive", "--status", "dead", "--rate", "0/s"], "'0/s' is not a rate"),
        (["redrive", "--reason", "why"], "select dead letters: one by its id, or several by a filter"),
        (["redrive", str(UUID(int=1)), "--status", "dead", "--reason", "why"], "select dead letters"),
    ],
)
def test_dead_letters_that_cannot_be_meant_are_refused_with_what_can(arguments: list[str], said: str) -> None:
    refused = CliRunner().invoke(app, ["dead-letters", *arguments])
    assert refused.exit_code == 2
    assert said in " ".join(refused.output.replace("│", " ").split())


@pytest.mark.parametrize(
    "arguments",
    [
        "events show nope",
        "events tail --tenant nope",
        "trace nope",
        "jobs show nope",
        "jobs list --tenant nope",
        "jobs cancel nope --reason why",
        "jobs retry nope --reason why",
        "jobs run users cleanup_expired --tenant nope --reason why",
        "replay billing.customers --key nope",
        "replay billing.customers --tenant nope",
    ],
)
def test_a_malformed_id_is_refused_with_an_example(arguments: str) -> None:
    refused = CliRunner().invoke(app, arguments.split())
    assert refused.exit_code == 2
    assert "'nope' is not an id. Ids look like" in " ".join(refused.output.replace("│", " ").split())


def test_every_command_has_json_except_commands_that_print_one_value() -> None:
    without = {path for path, command in _commands(typer.main.get_command(app)) if "as_json" not in _options(command)}
    stack = {f"dev {each}" for each in ("up", "down", "restart", "logs", "demo", "supervise")}
    assert without == {"operators token", "token", "openapi export", "asyncapi export", "keys rotate"} | stack


def _commands(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield " ".join(path), command
        return
    for name, each in command.commands.items():
        yield from _commands(each, *path, name)


def _options(command: Any) -> set[str]:
    return {each.name for each in command.params}


def test_nothing_is_redriven_without_a_reason() -> None:
    refused = CliRunner().invoke(app, ["dead-letters", "redrive", "--status", "dead"])
    assert isinstance(refused.exception, Invalid)
    assert "needs a reason" in str(refused.exception)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2026-11-28", datetime(2026, 11, 28, tzinfo=UTC)),
        ("2026-11-28T09:30Z", datetime(2026, 11, 28, 9, 30, tzinfo=UTC)),
        ("2026-11-28T09:30+01:00", datetime(2026, 11, 28, 8, 30, tzinfo=UTC)),
    ],
)
def test_a_time_without_an_offset_is_utc(text: str, told: datetime) -> None:
    assert parse_time(text) == told


def test_a_time_may_be_an_age() -> None:
    assert parse_time("2h") < parse_time("90min") < datetime.now(UTC)
    assert (parse_rate("5/s"), parse_rate("0.2")) == (5, 0.2)


def test_an_unknown_topic_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        NotFound, match=r"topic 'users\.absent' does not exist; existing topics: users\.tenant, users\.user"
    ):
        chosen_from({"users.user": [Partition("users.user", 0)], "users.tenant": []}, ["users.absent"])


def test_a_line_folds_on_a_narrow_terminal_alone() -> None:
    seen = RecordView.of(record(to_headers(to_metadata(user_created_envelope()))))
    assert "\n" not in line(seen, None)
    assert max(map(len, line(seen, 100).splitlines())) <= 100
    assert line(seen, 100).split() == line(seen, None).split()


def test_a_record_that_is_not_an_event_is_shown_with_the_reason() -> None:
    told = line(RecordView.of(record([("ce_id", b"7")])), None)
    assert "users.user/3/17" in told
    assert "not an event: header content-type is missing" in told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.44, "0.4 s"), (65, "1 min 5 s"), (3 * 86_400 + 4 * 3600, "3 d 4 h"), (7 * 86_400, "7 d 0 h")],
)
def test_a_duration_is_shown_in_two_units(seconds: float, told: str) -> None:
    assert span_of(timedelta(seconds=seconds)) == told


def record(headers: list[tuple[str, bytes]]) -> Record:
    return Record(topic="users.user", partition=3, offset=17, timestamp_ms=0, key=b"k", value=b"", headers=headers)


@pytest.mark.parametrize(
    ("problem", "hinted"),
    [(Transient("no answer"), True), (SessionRefused("no session"), False), (NotFound("no user"), False)],
    ids=lambda value: type(value).__name__,
)
def test_the_start_of_the_stack_is_named_only_for_an_outage(
    problem: WaypostError, hinted: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    print_error(problem)
    printed = capsys.readouterr().err
    assert printed.startswith(f"waypost: {problem}")
    assert (start_hint() in printed) is hinted
