"""The codec's hook for personal data."""

from typing import Protocol

from waypost.kernel.event import Event


class PersonalData(Protocol):
    """Encrypts personal values for storage, and decrypts them. Values stay strings, so encryption
    needs no schema change.

    An encrypted value has the form `enc:<key id>:<base64>`. Deletion of the key erases the person
    in all events.
    """

    def seal(self, event: Event, field: str, value: str) -> str:
        """The value to store in the payload. Raises Transient if the key is not available."""
        ...

    def unseal(self, value: str) -> str:
        """The original value, or a placeholder if its key is deleted. Returns an unencrypted value
        unchanged. Raises no errors.
        """
        ...
