"""The address that a queued mail about its proof is for. The directory of recipients may show the
previous address for a while, and a later one afterwards.
"""

import hashlib
from uuid import UUID

PROVED = "proved"
"""The name of the fact."""


def proved_digest(user_id: UUID, email: str) -> str:
    """Compared with the directory's address. The address itself is not stored: facts never identify
    a person.
    """
    return hashlib.sha256(f"{user_id}\n{email}".encode()).hexdigest()
