"""A request to change state. Its shape is validated already; its handler decides."""

from typing import Generic, TypeVar

R = TypeVar("R", covariant=True)


class Command(Generic[R]):
    """Base of the frozen dataclasses in a service's `commands`; R is the type of the handler's
    result. Time and new ids are fields.
    """

    __slots__ = ()
