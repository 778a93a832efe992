"""Client of the trace viewer (Zipkin API v2)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from waypost.cli.trace.page import page_of, viewer_url
from waypost.kernel.errors import NotFound, Transient
from waypost.telemetry.names import ERROR_TYPE, INSTANCE, ORIGINAL_TRACE, STATEMENT_MICROSECONDS, WAITS_FOR
from waypost.web.certificates import trusted_certificates

RESPONSE_SECONDS = 5.0
LOOKBACK_MILLISECONDS = 30 * 86_400_000
MEMORY_HINT = (
    "They were not recorded (the trace was not sampled), or the viewer, which stores only the newest spans in memory,"
    " has lost them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A database statement of a span."""

    name: str
    duration_us: int
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    id: str
    parent_id: str | None
    service: str
    process: str | None
    """`api`, `worker`, `jobs` or `live`. None if the span does not name its process."""
    name: str
    kind: str | None
    """SERVER, CLIENT, PRODUCER or CONSUMER. None for internal spans."""
    started_us: int | None
    """Unix time in microseconds. None if the exporter sent none; the same applies to the
    duration.
    """
    duration_us: int | None
    statements: Sequence[Statement] = ()
    error: str | None
    waits_for: str | None = None
    """The class of the error of work that waits for a row from another topic."""


class Viewer:
    def __init__(self, url: str) -> None:
        self.url = url

    @classmethod
    def of_the_stack(cls) -> "Viewer":
        """The viewer that the services export their spans to. Raises Misconfigured for another
        exporter.
        """
        return cls(viewer_url())

    def page(self, trace_id: str) -> str:
        return page_of(self.url, trace_id)

    async def spans(self, trace_id: str) -> Sequence[Span]:
        """The spans of a trace. Raises NotFound for an unknown trace, Transient if the viewer does
        not answer.
        """
        answer = await self._ask(f"/trace/{trace_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise NotFound(
                f"the trace viewer has no spans of {trace_id}, or not yet (the export runs every 5 s). {MEMORY_HINT}"
            )
        return [_span(span) for span in self._content(answer)]

    async def later(self, trace_id: str) -> Sequence[str]:
        """Ids of the traces in which an event of this trace was retried, replayed or rebuilt.
        Raises Transient.
        """
        answer = await self._ask(
            "/traces", annotationQuery=f"{ORIGINAL_TRACE}={trace_id}", lookback=LOOKBACK_MILLISECONDS, limit=20
        )
        return sorted({spans[0]["traceId"] for spans in self._content(answer)})

    async def _ask(self, path: str, **parameters: str | int) -> httpx.Response:
        async with httpx.AsyncClient(timeout=RESPONSE_SECONDS, trust_env=False, verify=trusted_certificates()) as http:
            try:
                return await http.get(f"{self.url}/api/v2{path}", params=parameters)
            except httpx.HTTPError as error:
                why = f"{type(error).__name__}: {error}"
                raise Transient(f"the trace viewer at {self.url} does not answer: {why}") from error

    def _content(self, answer: httpx.Response) -> Any:
        if answer.is_error:
            raise Transient(f"the trace viewer at {self.url} answers {answer.status_code}: {answer.text[:200]}")
        return answer.json()


def _events(value: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The statement in an annotation, which the exporter writes as JSON: name → attributes. Nothing
    for an annotation of another origin.
    """
    try:
        decoded = json.loads(value)
    except ValueError:
        return
    for name, attributes in decoded.items() if isinstance(decoded, dict) else ():
        if isinstance(attributes, dict) and STATEMENT_MICROSECONDS in attributes:
            yield name, attributes


def _span(sent: dict[str, Any]) -> Span:
    tags: dict[str, str] = sent.get("tags", {})
    return Span(
        id=sent["id"],
        parent_id=sent.get("parentId"),
        service=sent.get("localEndpoint", {}).get("serviceName", "?"),
        process=tags[INSTANCE].partition("@")[0] if INSTANCE in tags else None,
        name=sent.get("name", "?"),
        kind=sent.get("kind"),
        started_us=sent.get("timestamp"),
        duration_us=sent.get("duration"),
        statements=[
            Statement(name=name, duration_us=event[STATEMENT_MICROSECONDS], error=event.get(ERROR_TYPE))
            for annotation in sent.get("annotations", ())
            for name, event in _events(annotation["value"])
        ],
        error=tags.get("error"),
        waits_for=tags.get(WAITS_FOR),
    )
