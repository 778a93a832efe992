"""A request to change something, already validated in shape; its handler decides."""

from typing import Generic, TypeVar

R = TypeVar("R", covariant=True)


class Command(Generic[R]):
    """Base of the frozen dataclasses in a service's `commands`; R is what its handler gives back.
    Time and new ids are fields of it.
    """

    __slots__ = ()
