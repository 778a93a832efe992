"""The header field `Prefer` (RFC 7240)."""

import re
from collections.abc import Sequence

MAX_WAIT_SECONDS = 10
"""The longest wait that a request may ask for; a longer one is shortened."""

_WAIT = re.compile(r'\s*wait\s*=\s*(?:"(\d{1,9})"|(\d{1,9}))\s*(?:;.*)?', re.IGNORECASE | re.ASCII | re.DOTALL)


def wait_seconds(fields: Sequence[str]) -> int | None:
    """The seconds of the preference `wait` in the fields of one request, at most MAX_WAIT_SECONDS.
    None without one, and for one that is not valid: a preference is never refused. Of several the
    first counts (section 2).
    """
    for field in fields:
        for preference in field.split(","):
            if found := _WAIT.fullmatch(preference):
                return min(int(found[1] or found[2]), MAX_WAIT_SECONDS)
    return None
