"""What a command does in place of a service's process is traced like it."""

import os
import socket

from shared.cli.services import environment_of, service_names
from shared.telemetry import tracing

_EXPORT = "OTEL_"


def trace_this_command() -> None:
    """To where the stack's processes send their spans. Call it before anything is opened."""
    variables = environment_of(service_names()[0])
    for name, value in variables.items():
        if name.startswith(_EXPORT):
            os.environ.setdefault(name, value)
    tracing.configure("waypost", f"command@{socket.gethostname()}:{os.getpid()}")
