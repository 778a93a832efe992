"""The environment of the processes that the benchmarks start, and whether they are sampled."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.stack.places import inherited

SAMPLING = Path(__file__).parent / "sampling"
FOLDER, PREFIX = "BENCH_SAMPLES", "BENCH_SAMPLED_PREFIX"


def environment() -> dict[str, str]:
    """This process's environment, with the checkout importable from any folder."""
    variables = inherited()
    if FOLDER in variables:
        variables["PYTHONPATH"] = os.pathsep.join((str(SAMPLING), variables["PYTHONPATH"]))
    return variables


@contextmanager
def sampled(folder: Path) -> Iterator[None]:
    """Processes of the project that start in this block write samples into the folder. Those of the
    peers have another Python environment.
    """
    os.environ |= {FOLDER: str(folder), PREFIX: sys.prefix}
    try:
        yield
    finally:
        for name in (FOLDER, PREFIX):
            del os.environ[name]
