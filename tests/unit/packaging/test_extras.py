"""The error for a package of an extra that is not installed names the extra."""

import re

import pytest

from tests.fixtures.programs import printed_by

PROGRAM = """
import sys
sys.modules[{package!r}] = None  # as if it were not installed
from waypost.kernel.errors import Misconfigured
try:
    {act}
except Misconfigured as refused:
    print(refused)
"""


@pytest.mark.parametrize(
    ("package", "act", "said"),
    [
        (
            "avro",
            "from waypost.cli.commands import COMMANDS; COMMANDS['schemas'].load('schemas')",
            r"`waypost schemas` needs avro\S*, which is not installed: pip install 'waypost\[schemas\]'",
        ),
        (
            "opentelemetry.sdk",
            "import os; os.environ['OTEL_TRACES_EXPORTER'] = 'zipkin';"
            " from waypost.telemetry.tracing import configure; configure('users', 'api')",
            r"OTEL_TRACES_EXPORTER is 'zipkin', but opentelemetry\.sdk\S* is not installed: pip install 'waypost\[telemetry\]'",
        ),
    ],
)
def test_an_extra_that_is_missing_is_named(package: str, act: str, said: str) -> None:
    assert re.fullmatch(said, printed_by(PROGRAM.format(package=package, act=act)).strip())
