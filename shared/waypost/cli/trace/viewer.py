"""The trace viewer's API (Zipkin v2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from waypost.cli.services import stack_setting
from waypost.kernel.errors import Misconfigured, NotFound, Transient
from waypost.telemetry.names import DATABASE_SYSTEM, INSTANCE, ORIGINAL_TRACE

ENDPOINT = "OTEL_EXPORTER_ZIPKIN_ENDPOINT"
SPANS = "/api/v2/spans"
RESPONSE_SECONDS = 5.0
LOOKBACK_MILLISECONDS = 30 * 86_400_000
MEMORY = "The viewer keeps the newest spans in memory alone, and none over a restart."


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    id: str
    parent_id: str | None
    service: str
    process: str | None
    """`api`, `worker`, `jobs`, `live`; None where the span does not say."""
    name: str
    kind: str | None
    """SERVER, CLIENT, PRODUCER, CONSUMER; None inside one process."""
    started_us: int | None
    """Unix time in microseconds; None where the viewer was not told, as with the duration."""
    duration_us: int | None
    is_statement: bool
    """Sent to a database."""
    error: str | None


class Viewer:
    def __init__(self, url: str) -> None:
        self.url = url

    @classmethod
    def of_the_stack(cls) -> "Viewer":
        """Spans are read where the services send them. Raises Misconfigured."""
        endpoint = stack_setting(ENDPOINT)
        if not endpoint.endswith(SPANS):
            raise Misconfigured(f"{ENDPOINT} is {endpoint!r}; it must end with {SPANS}")
        return cls(endpoint.removesuffix(SPANS))

    def page(self, trace_id: str) -> str:
        return f"{self.url}/zipkin/traces/{trace_id}"

    async def spans(self, trace_id: str) -> Sequence[Span]:
        """Raises NotFound for a trace that it does not hold, Transient where it does not answer."""
        answer = await self._ask(f"/trace/{trace_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise NotFound(
                f"the trace viewer holds no span of {trace_id}: it was not sampled, or is still on its way"
                f" (spans are sent every 5 s), or was forgotten. {MEMORY}"
            )
        return [_span(each) for each in self._content(answer)]

    async def later(self, trace_id: str) -> Sequence[str]:
        """Traces in which what belongs to this one was handled once more: retried, replayed,
        rebuilt. Raises Transient.
        """
        answer = await self._ask(
            "/traces", annotationQuery=f"{ORIGINAL_TRACE}={trace_id}", lookback=LOOKBACK_MILLISECONDS, limit=20
        )
        return sorted({spans[0]["traceId"] for spans in self._content(answer)})

    async def _ask(self, path: str, **parameters: str | int) -> httpx.Response:
        async with httpx.AsyncClient(timeout=RESPONSE_SECONDS, trust_env=False) as http:
            try:
                return await http.get(f"{self.url}/api/v2{path}", params=parameters)
            except httpx.HTTPError as error:
                why = f"{type(error).__name__}: {error}"
                raise Transient(f"the trace viewer at {self.url} does not answer: {why}") from error

    def _content(self, answer: httpx.Response) -> Any:
        if answer.is_error:
            raise Transient(f"the trace viewer at {self.url} answers {answer.status_code}: {answer.text[:200]}")
        return answer.json()


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
        is_statement=any(name in tags for name in DATABASE_SYSTEM),
        error=tags.get("error"),
    )
