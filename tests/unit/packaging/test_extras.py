"""What an extra brings may be missing: the error names the extra."""

import subprocess
import sys

import pytest

from infra.stack.places import CHECKOUT

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
            "`waypost schemas` needs avro, which is not installed: pip install 'waypost[schemas]'",
        ),
        (
            "opentelemetry.sdk",
            "import os; os.environ['OTEL_TRACES_EXPORTER'] = 'zipkin';"
            " from waypost.telemetry.tracing import configure; configure('users', 'api')",
            "OTEL_TRACES_EXPORTER is 'zipkin', and opentelemetry.sdk is not installed: pip install 'waypost[telemetry]'",
        ),
    ],
)
def test_an_extra_that_is_missing_is_named(package: str, act: str, said: str) -> None:
    program = PROGRAM.format(package=package, act=act)
    finished = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert finished.stdout.startswith(said.partition(" needs")[0])
    assert said.rpartition(": ")[2] in finished.stdout
