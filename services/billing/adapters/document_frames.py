"""The frames between an API process and its document worker: the length in 4 bytes (big-endian),
then a pickle. Both are processes of one release.
"""

import pickle
import struct
from typing import Any

LENGTH = struct.Struct(">I")

RECEIVED = True
"""The worker's first frame for a document."""


class OutOfMemory:
    """The worker's answer for a document that needs more memory than it may use."""


def framed(value: Any) -> bytes:
    body = pickle.dumps(value)
    return LENGTH.pack(len(body)) + body
