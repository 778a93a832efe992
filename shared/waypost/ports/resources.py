"""The parts of a process that are not the toolkit's, such as an HTTP client, a mailer or keys."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

OpenResources = Callable[[], AbstractAsyncContextManager[Any]]
"""Opens the resources of a process. Entered once at start and left once at the end."""
