"""What a command does in place of a service's process is traced like it."""

import os
import socket

from waypost.cli.services import environment_of, service_names
from waypost.telemetry import tracing

SEVERAL = "waypost"
"""In place of a service's name, where a command works on several."""


def trace_as(service: str) -> None:
    """Its spans go where the service's go, unless the command's own environment says otherwise.
    Call it before anything is opened.

    Raises Misconfigured.
    """
    own = environment_of(service if service != SEVERAL else service_names()[0])
    for name, value in own.items():
        if name.startswith("OTEL_"):
            os.environ.setdefault(name, value)
    tracing.configure(service, f"command@{socket.gethostname()}:{os.getpid()}")
