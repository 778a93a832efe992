"""Imports that the fork server of a stack does once for all processes (`waypost.native.forked`):
the processes of the toolkit, and the project's services.
"""

import gc
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module

from waypost.hosting.main import MODULES
from waypost.project import project

TOOLKIT = (*MODULES.values(), "waypost.telemetry.sdk", "waypost.telemetry.zipkin", "waypost.devstack.issuer")
OF_A_SERVICE = ("app", "api", "live.view")


def import_each(modules: Iterable[str]) -> None:
    """Skips a module that fails: the process that uses it imports it again, and logs the error.

    A garbage collection in between would free nothing, and takes a sixth of the time.
    """
    gc.disable()
    for module in modules:
        with suppress(Exception):
            import_module(module)
    gc.freeze()
    gc.enable()


import_each(TOOLKIT)
import_each(
    f"{project().services}.{folder.name}.{module}"
    for folder in sorted(project().services_folder.iterdir())
    for module in OF_A_SERVICE
    if (folder / "app.py").exists()
)
