"""Logs of the application and all libraries: one JSON object per line, or plain lines on a
terminal.
"""

import logging
import sys
import traceback
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import orjson
import structlog
from opentelemetry import trace
from structlog.stdlib import ProcessorFormatter

from waypost.kernel.cause import bound_traceparent
from waypost.kernel.text import visible
from waypost.telemetry.redaction import redact
from waypost.telemetry.repeat_filter import RepeatFilter
from waypost.telemetry.tracing import trace_id_of

_QUIET = {
    "aiokafka": logging.WARNING,
    "faust": logging.WARNING,
    "mode": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "httpx": logging.WARNING,
    "uvicorn": logging.WARNING,
    "fontTools": logging.WARNING,  # its lines name the characters of personal data
    "fpdf": logging.WARNING,
}

Processor = Callable[[Any, str, MutableMapping[str, Any]], Any]


def configure(service: str, *, level: str = "INFO", console: bool | None = None) -> None:
    """Configures the process's logging. `console` defaults to whether standard output is a
    terminal.

    Each line has `event` (a stable key without values), `level`, `timestamp`, `service`, and
    `trace_id` and `tenant_id` if known.
    """
    on_terminal = sys.stdout.isatty() if console is None else console
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _service(service),
        _trace,
    ]
    # Tracebacks become text before redaction, without local variables, which may hold user input.
    last: list[Processor] = [
        structlog.processors.format_exc_info,
        redact,
        *([_visible_values, _pretty()] if on_terminal else [_json]),
    ]
    lines = _Lines(last)
    structlog.configure(
        processors=shared,
        logger_factory=lambda *_: lines,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,  # loggers are created at import, before this runs
    )
    _capture_libraries(
        ProcessorFormatter(foreign_pre_chain=shared, processors=[ProcessorFormatter.remove_processors_meta, *last]),
        level,
    )


class _Lines:
    """Writes the application's events without the standard library's records, which cost twice as
    much. An event that cannot be written never fails the work that logs it.
    """

    def __init__(self, processors: Sequence[Processor]) -> None:
        self._processors = processors
        self._stream = sys.stdout

    def write(self, **event: Any) -> None:
        try:
            line: Any = event
            for processor in self._processors:
                line = processor(self, "", line)
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except Exception:  # noqa: BLE001 - of any value and any stream
            with suppress(Exception):
                traceback.print_exc(file=sys.stderr)

    debug = info = warning = error = critical = write


def _capture_libraries(formatter: ProcessorFormatter, level: str) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    handler.addFilter(RepeatFilter("aiokafka"))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name, minimum in _QUIET.items():
        logging.getLogger(name).setLevel(minimum)


def _pretty() -> Processor:
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def _visible_values(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """For a terminal: values cannot move the cursor, change colors or begin a line. The renderer
    writes other types than text with `repr`, which escapes.
    """
    return {
        visible(name): visible(value, keep="\n\t").replace("\n", "\n  ") if isinstance(value, str) else value
        for name, value in event.items()
    }


def _json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    line = orjson.dumps(event, default=_text, option=orjson.OPT_NON_STR_KEYS).decode()
    # JSON escapes the control characters below the space, and permits all others.
    return line if line.isascii() and "\x7f" not in line else visible(line)


def _text(value: Any) -> str:
    """The text of a value that orjson does not write, such as a UUID of the driver's class."""
    return str(value) if isinstance(value, UUID) else repr(value)


def _service(name: str) -> Processor:
    def add(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = name
        return event

    return add


def _trace(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    elif trace_id := trace_id_of(bound_traceparent()):  # a record or a job without a span
        event["trace_id"] = trace_id
    return event
