"""The pages of a stack, in groups."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from infra.stack.addresses import Addresses
from infra.stack.processes import processes_of, services_here
from waypost.hosting.processes import ServiceProcess


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    title: str
    url: str
    """URL for a browser."""
    probe: str
    """URL that the start page probes."""
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    title: str
    pages: Sequence[Page]


def page_groups(at: Addresses, *, probed_at: Addresses) -> Sequence[Group]:
    """`at` is where a person reaches the stack, `probed_at` where its processes reach each other;
    equal on a native stack.
    """
    services = [Group(title=service, pages=list(_service(service, at, probed_at))) for service in services_here()]
    return [Group(title="Look around", pages=list(_outside(at, probed_at))), *services]


def _outside(at: Addresses, probed_at: Addresses) -> Iterator[Page]:
    def page(part: str, title: str, about: str, path: str = "/", health: str = "/livez") -> Page:
        url, probe = f"{at.url(part)}{path}", f"{probed_at.url(part)}{health}"
        return Page(title=title, url=url, probe=probe, about=about)

    yield page("mail", "Mail inbox", "every mail that the services send")
    yield page("payments", "Payments", "the simulated card provider: charges and test cards")
    yield page("zipkin", "Traces", "Zipkin: a request and all that it caused", "/zipkin/", "/health")
    yield page("registry", "Schema registry", "event schemas by subject, as JSON", "/subjects")


def _service(service: str, at: Addresses, probed_at: Addresses) -> Iterator[Page]:
    api, management = f"{service}-api", f"{service}-management"
    for path, title, about in (
        ("/docs", "API", "OpenAPI: try each route"),
        ("/asyncapi", "Events", "AsyncAPI: published and consumed events"),
    ):
        yield Page(title=title, url=f"{at.url(management)}{path}", probe=f"{probed_at.url(api)}/readyz", about=about)
    for process in processes_of(service):
        part = f"{service}-{process}"
        shown = management if process is ServiceProcess.API else part
        about = "Prometheus metrics" + ("" if process is ServiceProcess.API else "; /readyz shows what is missing")
        yield Page(
            title=f"{process} metrics",
            url=f"{at.url(shown)}/metrics",
            probe=f"{probed_at.url(part)}/readyz",
            about=about,
        )


def pages_as_json(groups: Sequence[Group]) -> str:
    return json.dumps([asdict(group) for group in groups])


def pages_from_json(text: str) -> Sequence[Group]:
    return [Group(title=group["title"], pages=[Page(**page) for page in group["pages"]]) for group in json.loads(text)]
