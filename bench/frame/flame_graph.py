"""A flame graph as SVG: each bar is a function, its width the share of its samples, its callers
below.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from zlib import crc32

from bench.frame.profiles import Stack, is_ours, package_of

WIDTH, BAR, LETTER = 1200, 16, 6.2
NARROWEST = 0.002
"""Share of the width below which a bar is left out."""


@dataclass(slots=True)
class Node:
    samples: int = 0
    callees: dict[str, "Node"] = field(default_factory=dict)


def tree_of(stacks: Mapping[Stack, int]) -> Node:
    root = Node()
    for stack, samples in stacks.items():
        node = root
        node.samples += samples
        for frame in stack:
            node = node.callees.setdefault(frame, Node())
            node.samples += samples
    return root


def draw_flame_graph(stacks: Mapping[Stack, int], file: Path) -> None:
    root = tree_of(stacks)
    bars = list(_bars(root, 0.0, 0, root.samples))
    height = BAR * (1 + max(depth for _, _, depth, _ in bars))
    shapes = "\n".join(_shape(frame, left, height - BAR * (depth + 1), share) for frame, left, depth, share in bars)
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="10">\n{shapes}\n</svg>\n'
    )


def _bars(node: Node, left: float, depth: int, total: int) -> Iterator[tuple[str, float, int, float]]:
    for frame, callee in sorted(node.callees.items()):
        share = callee.samples / total
        if share >= NARROWEST:
            yield frame, left, depth, share
            yield from _bars(callee, left, depth + 1, total)
        left += share


def _shape(frame: str, left: float, top: float, share: float) -> str:
    x, width = left * WIDTH, share * WIDTH
    text = frame.partition(" ")[0][: int(width / LETTER)] if width > 4 * LETTER else ""
    label = f'<text x="{x + 2:.1f}" y="{top + 12:.0f}">{escape(text)}</text>' if text else ""
    bar = f'<rect x="{x:.1f}" y="{top:.0f}" width="{width:.1f}" height="{BAR - 1}" fill="{_colour(frame)}"/>'
    return f"<g><title>{escape(frame)} {share:.1%}</title>{bar}{label}</g>"


def _colour(frame: str) -> str:
    """Ours green, others orange to yellow by package."""
    shade = crc32(package_of(frame).encode()) % 30
    return f"hsl({140 + shade},45%,70%)" if is_ours(frame) else f"hsl({20 + shade},75%,72%)"
