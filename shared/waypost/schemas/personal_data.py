"""The codec's hook for values that identify a person."""

from typing import Protocol

from waypost.kernel.event import Event


class PersonalData(Protocol):
    """Turns a personal value into what is stored, and back. Values stay strings, so no schema
    changes when encryption comes.

    A sealed value reads `enc:<key id>:<base64>`: forgetting the key forgets the person in every
    event there ever was.
    """

    def seal(self, event: Event, field: str, value: str) -> str:
        """What the payload carries instead of `value`. Raises Transient where a key cannot be had."""
        ...

    def unseal(self, value: str) -> str:
        """The value as it was; a stand-in where its key is forgotten, and any value that was not
        sealed as it is. Raises nothing.
        """
        ...
