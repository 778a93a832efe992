"""The digest of the proved address, stored with the queued mail about the proof. The directory of
recipients may show an earlier or a later address.
"""

import hashlib
from uuid import UUID

PROVED = "proved"
"""The key of the digest in the notification's facts."""


def proved_digest(user_id: UUID, email: str) -> str:
    """Compared with the directory's address. The address itself is not stored: facts never identify
    a person.
    """
    return hashlib.sha256(f"{user_id}\n{email}".encode()).hexdigest()
