"""A command that handles events is seen in the trace viewer, as part of the service that it works for."""

import os
import socket

from shared.cli.services import environment_of
from shared.telemetry import tracing


def trace_as(service: str) -> None:
    """Its spans go where the service's go, unless the command's own environment says otherwise. Raises Misconfigured."""
    for name, value in environment_of(service).items():
        if name.startswith("OTEL_"):
            os.environ.setdefault(name, value)
    tracing.configure(service, f"command@{socket.gethostname()}:{os.getpid()}")
