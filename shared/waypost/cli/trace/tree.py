"""Spans as a tree: which process did what for whom, how long after the start, for how long, and
what it had waited.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from rich.text import Text
from rich.tree import Tree

from waypost.cli.trace.timing import Timed

ROOT = None

Children = Mapping[str | None, Sequence[Timed]]


def tree_of(title: str, spans: Sequence[Timed]) -> Tree:
    """A span whose parent is not there stands at the top, so that none is left out; statements to a
    database are summed up.
    """
    made = Tree(title)
    _grow(made, ROOT, children_of(spans))
    return made


def children_of(spans: Sequence[Timed]) -> Children:
    """By the parent's id, None for those at the top; in the order in which they began."""
    children: dict[str | None, list[Timed]] = defaultdict(list)
    for each in spans:
        children[ROOT if each.is_orphan else each.span.parent_id].append(each)
    return children


def _grow(branch: Tree, parent: str | None, children: Children) -> None:
    statements = [each for each in children.get(parent, ()) if _is_plain_statement(each, children)]
    if len(statements) > 1:
        took = sum(each.span.duration_us or 0 for each in statements)
        branch.add(Text(f"{len(statements)} database calls, {span_time(took)} together", style="dim"))
    for each in children.get(parent, ()):
        if len(statements) <= 1 or each not in statements:
            _grow(branch.add(_line(each)), each.span.id, children)


def _is_plain_statement(timed: Timed, children: Children) -> bool:
    """Most spans of a trace, and the least of the story."""
    span = timed.span
    return span.is_statement and span.error is None and not children.get(span.id)


def _line(timed: Timed) -> Text:
    span = timed.span
    line = Text.assemble((f"{span.service} {span.process or ''}".rstrip(), "bold"), f"  {span.name}  ")
    line.append(f"+{span_time(timed.after_us)}, {span_time(span.duration_us)}")
    if timed.waited_us is not None:
        line.append(f", waited {span_time(timed.waited_us)}", style="cyan")
    if timed.is_orphan:
        line.append("  (the viewer does not hold its parent)", style="dim")
    if span.error is not None:
        line.append(f"  failed: {span.error}", style="red")
    return line


def span_time(microseconds: int | None) -> str:
    if microseconds is None:
        return "? ms"
    return f"{microseconds / 1000:.1f} ms" if microseconds < 1_000_000 else f"{microseconds / 1_000_000:.2f} s"
