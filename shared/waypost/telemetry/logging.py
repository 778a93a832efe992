"""Logs of the application and all libraries: one JSON object per line, or plain lines on a
terminal.
"""

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import orjson
import structlog
from opentelemetry import trace
from structlog.stdlib import ProcessorFormatter

from waypost.telemetry.redaction import redact
from waypost.telemetry.repeat_filter import RepeatFilter

_QUIET = {
    "aiokafka": logging.WARNING,
    "faust": logging.WARNING,
    "mode": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "httpx": logging.WARNING,
    "uvicorn": logging.WARNING,
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
    structlog.configure(
        processors=[*shared, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,  # loggers are created at import, before this runs
    )
    _install(_formatter(shared, on_terminal), level)


def _formatter(shared: list[Processor], on_terminal: bool) -> ProcessorFormatter:
    # Tracebacks become text before redaction, without local variables, which may hold user input.
    last: list[Processor] = [ProcessorFormatter.remove_processors_meta, structlog.processors.format_exc_info, redact]
    renderer: Processor = _pretty() if on_terminal else _json
    return ProcessorFormatter(foreign_pre_chain=shared, processors=[*last, renderer])


def _install(formatter: ProcessorFormatter, level: str) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    handler.addFilter(RepeatFilter("aiokafka"))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name, minimum in _QUIET.items():
        logging.getLogger(name).setLevel(minimum)


def _pretty() -> Processor:
    return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def _json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()


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
    return event
