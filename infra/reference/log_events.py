"""Structured log events: the calls in the code, with their meaning from `log_events.yaml`."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.reference.catalogs import read_catalog
from infra.reference.markdown import code, page, table
from infra.stack.places import CHECKOUT, TOOLKIT
from waypost.kernel.errors import Misconfigured

CATALOG = Path(__file__).with_name("log_events.yaml")
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}


def log_events_page() -> str:
    meanings, levels = catalog(), emitted()
    if undescribed := levels.keys() - meanings.keys():
        raise Misconfigured(
            f"log events without a meaning: {', '.join(sorted(undescribed))}. Add a line for each to {CATALOG.relative_to(CHECKOUT)}"
        )
    rows = [(code(event), level, meanings[event]) for event, level in sorted(levels.items())]
    return page(
        "Log events",
        "Processes log JSON lines. The key `event` is stable; these are its values, except those of libraries.",
        table(("event", "level", "meaning, and what to do"), rows),
    )


def catalog() -> Mapping[str, str]:
    """Event → meaning."""
    return {str(event): str(meaning) for event, meaning in read_catalog(CATALOG).items()}


def emitted() -> Mapping[str, str]:
    """Event → highest level, from every call `log.<level>("event", …)` of the product."""
    order = list(dict.fromkeys(LEVELS.values()))
    found: dict[str, str] = {}
    for folder in (TOOLKIT / "waypost", CHECKOUT / "services"):
        for file in sorted(folder.rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            for event, level in _calls(ast.parse(text)) if "log." in text else ():
                found[event] = max(level, found.get(event, level), key=order.index)
    return found


def _calls(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log"), attr=method), args=[ast.Constant(value=str(event)), *_]
            ) if method in LEVELS:
                yield event, LEVELS[method]
