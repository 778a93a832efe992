"""`python -m tests.security`, or `make attacks`: runs the security suites with the given counts,
and prints how many attacks each made. Exits with pytest's code.
"""

import argparse
import os
import random
import sys

import pytest

SUITES = {
    "requests": ("test_other_tenants.py", "random requests with ids of another tenant, in all services"),
    "cases": ("test_generated_requests.py", "requests that schemathesis generates, in all services"),
    "statements": ("test_sql_roles.py", "reads and writes of another tenant's rows, in all databases"),
}
SERVICES = 3


def main() -> int:
    parser = argparse.ArgumentParser(prog="make attacks", description=__doc__)
    for name, (_, text) in SUITES.items():
        parser.add_argument(f"--{name}", type=int, help=f"number of {text}")
    parser.add_argument("--seed", type=int, help="random and printed by default")
    options = parser.parse_args()
    chosen = {name: count for name in SUITES if (count := getattr(options, name)) is not None}
    seed = random.SystemRandom().randrange(10**9) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    os.environ["ATTACKS_SEED"] = str(seed)
    os.environ.update({f"ATTACKS_{name.upper()}": str(-(-count // SERVICES)) for name, count in chosen.items()})
    files = [f"tests/security/{SUITES[name][0]}" for name in chosen or SUITES]
    return pytest.main([*files, "-q", "-s", "--timeout=0", "-p", "no:cacheprovider"])


if __name__ == "__main__":
    sys.exit(main())
