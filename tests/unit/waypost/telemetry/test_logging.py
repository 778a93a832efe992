"""Log lines of the application: their form, and that a line never fails the work."""

import errno
import json
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
import structlog

from waypost.kernel.cause import Cause, bound_cause
from waypost.kernel.ids import new_id
from waypost.kernel.uuid_text import uuid_of
from waypost.telemetry import logging

log = structlog.get_logger()


class Output(StringIO):
    """Standard output of the process."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "no space left")
        return super().write(text)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Iterator[Output]:
    before, output = structlog.get_config(), Output()
    monkeypatch.setattr(logging, "_capture_libraries", lambda *_: None)  # keeps the test run's own handler
    monkeypatch.setattr(sys, "stdout", output)
    logging.configure("billing", console=False)
    yield output
    structlog.configure(**before)


def test_a_line_is_one_json_object(output: Output) -> None:
    with structlog.contextvars.bound_contextvars(tenant_id="t"):
        log.warning("late", address="a@b.example", seconds=2)
    (fields,) = output.events
    assert fields.pop("timestamp")
    assert fields == {
        "event": "late",
        "level": "warning",
        "service": "billing",
        "tenant_id": "t",
        "address": "[redacted]",
        "seconds": 2,
    }


@pytest.mark.parametrize("read", [UUID, uuid_of])
def test_an_id_is_written_as_its_text(output: Output, read: Callable[[str], UUID]) -> None:
    log.info("opened", invoice_id=read("0199c0de-0000-7000-8000-000000000001"))
    assert output.events[0]["invoice_id"] == "0199c0de-0000-7000-8000-000000000001"


@pytest.mark.parametrize("read", [UUID, uuid_of])
def test_an_id_as_a_name_is_written_as_its_text(output: Output, read: Callable[[str], UUID]) -> None:
    invoice_id = read("0199c0de-0000-7000-8000-000000000001")
    log.info("paid", amounts={invoice_id: 5, 2: 6}, groups=[{invoice_id: 7}])
    (fields,) = output.events
    assert fields["amounts"] == {str(invoice_id): 5, "2": 6}
    assert fields["groups"] == [{str(invoice_id): 7}]


def test_a_traceback_is_text(output: Output) -> None:
    try:
        raise ValueError("of a@b.example")
    except ValueError:
        log.exception("failed")
    (fields,) = output.events
    assert "ValueError: of [redacted]" in fields["exception"]


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize("value", [2**70, Unprintable()])
def test_an_event_that_cannot_be_written_is_reported_and_fails_nothing(
    output: Output, capsys: pytest.CaptureFixture[str], value: object
) -> None:
    log.info("odd", value=value)
    log.info("next")
    assert "Traceback" in capsys.readouterr().err
    assert [fields["event"] for fields in output.events] == ["next"]


def test_a_full_disk_fails_nothing(output: Output) -> None:
    output.full = True
    log.info("lost")
    output.full = False
    log.info("next")
    assert [fields["event"] for fields in output.events] == ["next"]


def test_a_line_of_work_without_a_span_names_its_trace(output: Output) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    cause = Cause(correlation_id=new_id(), causation_id=new_id(), traceparent=f"00-{trace_id}-b7ad6b7169203331-00")
    with bound_cause(cause):
        log.info("handled")
    with bound_cause(cause._replace(traceparent=None)):
        log.info("handled")
    assert [each.get("trace_id") for each in output.events] == [trace_id, None]
