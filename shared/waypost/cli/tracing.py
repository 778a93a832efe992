"""Tracing of commands that run a service's handlers."""

import os
import socket

from waypost.cli.services import environment_of, service_names
from waypost.telemetry import tracing

SEVERAL = "waypost"
"""Service name of the spans of a command that works on several services."""


def trace_as(service: str) -> None:
    """Sends the command's spans to the service's trace exporter, unless the command's environment
    names another. Call it before opening a database or a broker client.

    Raises Misconfigured.
    """
    settings = environment_of(service if service != SEVERAL else service_names()[0])
    for name, value in settings.items():
        if name.startswith("OTEL_"):
            os.environ.setdefault(name, value)
    tracing.configure(service, f"command@{socket.gethostname()}:{os.getpid()}")
