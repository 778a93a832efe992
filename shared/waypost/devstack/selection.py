"""Selects components by the names on the command line."""

from collections.abc import Sequence

from waypost.devstack.parts import Component
from waypost.native.errors import SetUpFailed


def limited(components: list[Component], only: Sequence[str]) -> list[Component]:
    """Components of `only` and their dependencies; all components for an empty `only`. Raises
    SetUpFailed for an unknown name.
    """
    if not only:
        return components
    by_name = {component.name: component for component in components}
    wanted: set[str] = set()
    waiting = list(matching(tuple(by_name), only))
    while waiting:
        name = waiting.pop()
        wanted.add(name)
        waiting.extend(by_name[name].depends_on)
    return [component for component in components if component.name in wanted]


def matching(names: Sequence[str], wanted: Sequence[str]) -> Sequence[str]:
    """The names that `wanted` selects: `billing-worker` selects one component, `billing` every
    `billing-…`. Raises SetUpFailed for an unknown name.
    """
    if unknown := [key for key in wanted if not any(_selects(key, name) for name in names)]:
        reason = f"there is no {', '.join(unknown)}"
        raise SetUpFailed("Choosing components", reason, f"choose from {', '.join(names)}")
    return [name for name in names if any(_selects(key, name) for key in wanted)]


def _selects(wanted: str, name: str) -> bool:
    return name == wanted or name.startswith(f"{wanted}-")
