"""The error classes of the toolkit and the services, with their HTTP status."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

from infra.reference.markdown import code, page, table
from waypost.kernel.errors import Refused, Unavailable, WaypostError
from waypost.web.errors import status_of

PACKAGES = ("waypost", "services")


def errors_page() -> str:
    sections = []
    for package in PACKAGES:
        rows = [
            (code(kind.__name__), code(kind.__module__), _status(kind), (kind.__doc__ or "").split("\n\n")[0])
            for kind in _errors_of(package)
        ]
        sections.append(f"## `{package}`\n\n{table(('error', 'module', 'HTTP', 'meaning'), rows)}")
    return page(
        "Errors",
        "Every error class below `WaypostError`. An HTTP response carries it as a problem document (RFC 9457).",
        *sections,
    )


def _status(kind: type[WaypostError]) -> str:
    return str(status_of(kind)) if issubclass(kind, Refused | Unavailable) else ""


def _errors_of(package: str) -> list[type[WaypostError]]:
    for module in walk_packages(import_module(package).__path__, f"{package}."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            import_module(module.name)
    found = {kind for kind in _below(WaypostError) if kind.__module__.partition(".")[0] == package}
    return sorted(found, key=lambda kind: (kind.__module__, kind.__name__))


def _below(kind: type[WaypostError]) -> Iterator[type[WaypostError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)
