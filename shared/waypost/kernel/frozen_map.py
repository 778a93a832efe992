"""The mapping type of decoded events: a dict that refuses changes, so that an event is
immutable.
"""

from typing import Any, NoReturn, Self, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class FrozenMap(dict[K, V]):
    """Equal to a dict with the same items; hashable if its values are. A dict for `json`, `asdict`
    and pydantic.
    """

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]  # dict itself is not hashable
        return hash(frozenset(self.items()))

    def __repr__(self) -> str:
        return f"FrozenMap({super().__repr__()})"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self  # its values are immutable too

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a FrozenMap cannot be changed; build a new one from dict(map)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse
