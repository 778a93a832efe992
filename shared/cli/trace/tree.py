"""Spans as a tree: who called whom, how long after the start, and for how long."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from rich.text import Text
from rich.tree import Tree

from shared.cli.trace.viewer import Span

ROOT = None

Children = Mapping[str | None, Sequence[Span]]


def tree_of(title: str, spans: Sequence[Span]) -> Tree:
    """A span whose parent is not there stands at the top, so that none is left out; statements to a database are summed up."""
    children = children_of(spans)
    begun = min(each.started_us for each in spans)
    made = Tree(title)
    _grow(made, ROOT, children, begun)
    return made


def children_of(spans: Sequence[Span]) -> Children:
    """By the parent's id, None for those at the top; in the order in which they began."""
    known = {each.id for each in spans}
    children: dict[str | None, list[Span]] = defaultdict(list)
    for each in sorted(spans, key=lambda span: span.started_us):
        children[each.parent_id if each.parent_id in known else ROOT].append(each)
    return children


def _grow(branch: Tree, parent: str | None, children: Children, begun: int) -> None:
    statements = [each for each in children.get(parent, ()) if _is_plain_statement(each, children)]
    if len(statements) > 1:
        took = sum(each.duration_us for each in statements) / 1000
        branch.add(Text(f"{len(statements)} database calls, {took:.1f} ms together"))
    for each in children.get(parent, ()):
        if len(statements) <= 1 or each not in statements:
            _grow(branch.add(_line(each, begun)), each.id, children, begun)


def _is_plain_statement(span: Span, children: Children) -> bool:
    """Most spans of a trace, and the least of the story."""
    return span.is_statement and span.error is None and not children.get(span.id)


def _line(span: Span, begun: int) -> Text:
    after, took = (span.started_us - begun) / 1000, span.duration_us / 1000
    line = Text(f"{span.service}  {span.name}  +{after:.1f} ms, {took:.1f} ms")
    if span.error is not None:
        line.append(f"  failed: {span.error}", style="red")
    return line
