"""Prints the spans of a trace as a tree: service, process, start, duration and waiting time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from rich.text import Text
from rich.tree import Tree

from waypost.cli.trace.timing import Timed
from waypost.cli.trace.viewer import Statement
from waypost.kernel.text import visible

ROOT = None

Children = Mapping[str | None, Sequence[Timed]]


def tree_of(title: str, spans: Sequence[Timed]) -> Tree:
    """Orphaned spans are roots, so that no span is left out. The database statements of a span
    become one line, and one more for each that failed.
    """
    tree = Tree(title)
    _add_children(tree, ROOT, children_of(spans))
    return tree


def children_of(spans: Sequence[Timed]) -> Children:
    """The children of each span id, in order of their start. None maps to the roots."""
    children: dict[str | None, list[Timed]] = defaultdict(list)
    for timed in spans:
        children[ROOT if timed.is_orphan else timed.span.parent_id].append(timed)
    return children


def _add_children(branch: Tree, parent: str | None, children: Children) -> None:
    for child in children.get(parent, ()):
        own = branch.add(_line(child))
        _add_statements(own, child.span.statements)
        _add_children(own, child.span.id, children)


def _add_statements(branch: Tree, statements: Sequence[Statement]) -> None:
    if statements:
        took = sum(statement.duration_us for statement in statements)
        calls = "1 database call" if len(statements) == 1 else f"{len(statements)} database calls"
        branch.add(Text(f"{calls}, {span_time(took)}", style="dim"))
    for statement in statements:
        if statement.error is not None:
            branch.add(Text(visible(f"{statement.name}  failed: {statement.error}"), style="red"))


def _line(timed: Timed) -> Text:
    span = timed.span
    line = Text.assemble(
        (visible(f"{span.service} {span.process or ''}".rstrip()), "bold"), f"  {visible(span.name)}  "
    )
    line.append(f"+{span_time(timed.after_us)}, {span_time(span.duration_us)}")
    if timed.waited_us is not None:
        line.append(f", waited {span_time(timed.waited_us)}", style="cyan")
    if timed.is_orphan:
        line.append("  (its parent is not in the viewer)", style="dim")
    if span.error is not None:
        line.append(f"  failed: {visible(span.error)}", style="red")
    if span.waits_for is not None:
        line.append("  waits for a row from another topic", style="dim")
    return line


def span_time(microseconds: int | None) -> str:
    if microseconds is None:
        return "? ms"
    return f"{microseconds / 1000:.1f} ms" if microseconds < 1_000_000 else f"{microseconds / 1_000_000:.2f} s"
