"""How many attacks a run makes. `make attacks` sets the variables; without them a run is short."""

import os
import random
from dataclasses import dataclass


def _count(name: str, default: int) -> int:
    return int(os.environ.get(f"ATTACKS_{name}", default))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    requests: int = _count("REQUESTS", 400)
    """Random requests with ids of another tenant, per service."""
    cases: int = _count("CASES", 200)
    """Generated requests of schemathesis, per service."""
    statements: int = _count("STATEMENTS", 3_000)
    """Reads and writes of rows of another tenant, per service."""
    seed: int = _count("SEED", 1)

    def choice(self, name: str) -> random.Random:
        """The choices of one suite, which follow from the seed."""
        return random.Random(f"{self.seed} {name}")  # noqa: S311 - reproducible, not secret


COUNTS = Counts()
