"""The declaration of a service."""

from dataclasses import replace

import pytest

from services.users.api import ROUTERS
from services.users.app import SERVICE
from waypost.kernel.errors import Misconfigured


def test_routes_are_those_of_the_named_module() -> None:
    assert SERVICE.routers is ROUTERS
    assert replace(SERVICE, api=None).routers == ()


def test_a_module_without_routers_is_refused() -> None:
    with pytest.raises(Misconfigured, match=r"services\.users\.tables has no ROUTERS: list the routers of users"):
        _ = replace(SERVICE, api="services.users.tables").routers
