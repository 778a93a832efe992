"""The process that draws documents. It ends with its parent.

    python -m services.billing.adapters.document_worker PARENT_PID

It reads and writes frames (`document_frames`). It writes None when it is ready, then two frames per
document: RECEIVED, and the answer. The answer is the bytes, OutOfMemory, or a text that says where
it failed. The text contains no personal data: the error's own words are left out.
"""

import os
import pickle
import resource
import sys
import traceback
from typing import Any, BinaryIO

from services.billing.adapters.document_frames import LENGTH, RECEIVED, OutOfMemory, framed
from services.billing.adapters.invoice_pdf import invoice_pdf
from waypost.native.parent_death_signal import die_with_parent

MEMORY_BYTES = 512 * 1024 * 1024
"""Limit of the process's address space. The largest document (500 lines of 500 characters) reaches
220 MiB, of which 195 are the imports.
"""


def serve(documents: BinaryIO, drawn: BinaryIO) -> None:
    """Returns at the end of `documents`."""
    _write(drawn, None)
    while length := documents.read(LENGTH.size):
        frame = documents.read(*LENGTH.unpack(length))
        _write(drawn, RECEIVED)
        try:
            answer: bytes | str | OutOfMemory = invoice_pdf(pickle.loads(frame))  # noqa: S301 - of the parent process
        except MemoryError:
            answer = OutOfMemory()
        except Exception as error:  # noqa: BLE001 - the parent raises it
            where = "".join(traceback.format_tb(error.__traceback__))
            answer = f"{type(error).__name__}\n{where}"
        _write(drawn, answer)


def _write(drawn: BinaryIO, value: Any) -> None:
    drawn.write(framed(value))
    drawn.flush()


def main() -> None:
    die_with_parent(int(sys.argv[1]))
    if sys.platform == "linux":  # other systems do not enforce it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    drawn = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library must not print between the answers
    serve(sys.stdin.buffer, drawn)


if __name__ == "__main__":
    main()
