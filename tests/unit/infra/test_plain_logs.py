"""A test run logs plainly."""

import pytest
import structlog

from tests.fixtures.plain_logs import FRAMES_SHOWN

DEPTH = 60


def fail_below(depth: int, secret: str) -> None:
    if depth:
        fail_below(depth - 1, secret)
    else:
        raise ValueError("a wrong amount")


def test_an_error_is_the_end_of_its_traceback_without_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        fail_below(DEPTH, "value of a " + "variable")
    except ValueError:
        structlog.get_logger().exception("handler_failed", consumer="billing.customers")
    printed = capsys.readouterr().out
    assert "handler_failed" in printed and "consumer=billing.customers" in printed
    assert "ValueError: a wrong amount" in printed
    assert "value of a variable" not in printed
    assert len(printed.splitlines()) <= 3 + 3 * FRAMES_SHOWN
