"""The digest of the proved address, stored with the queued mail about the proof. The directory of
recipients may show an earlier or a later address.
"""

import hashlib
from uuid import UUID

import idna

PROVED = "proved"
"""The key of the digest in the notification's facts."""


def proved_digest(user_id: UUID, email: str) -> str:
    """Compared with the directory's address. The address itself is not stored: facts never identify
    a person.
    """
    return hashlib.sha256(f"{user_id}\n{email}".encode()).hexdigest()


def is_proved_address(proved: str, user_id: UUID, email: str) -> bool:
    """Whether the mail is for this address of the directory. The directory may hold it with a
    Unicode domain, which an earlier release stored; the event has the ASCII form.
    """
    return proved == proved_digest(user_id, email) or (
        not email.isascii() and proved == proved_digest(user_id, ascii_domain(email))
    )


def ascii_domain(address: str) -> str:
    """The address with an ASCII domain, by the standard of the validation (IDNA 2008). Python's
    codec implements IDNA 2003, which changes `straße.de` to `strasse.de`, the domain of another
    owner. Raises UnicodeError for a domain that cannot exist.
    """
    local_part, _, domain = address.rpartition("@")
    return f"{local_part}@{idna.encode(domain, uts46=True).decode()}"
