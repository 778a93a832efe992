"""The tenants that the running work may access. Bound by HTTP authentication, consumers and job
workers; read by every transaction.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from waypost.kernel.errors import WaypostError
from waypost.kernel.ids import TenantId

_bound: ContextVar[frozenset[TenantId]] = ContextVar("waypost_tenants", default=frozenset())


class NoTenantBound(WaypostError):
    """Work on tenant data was started without a tenant: bind one with `bound_tenants(...)`
    first.
    """


@contextmanager
def bound_tenants(tenants: Iterable[TenantId]) -> Iterator[None]:
    """Binds exactly these tenants to everything that runs inside the block, tasks started there
    included.
    """
    token = _bound.set(frozenset(tenants))
    try:
        yield
    finally:
        _bound.reset(token)


def bind_tenants(tenants: Iterable[TenantId]) -> None:
    """Binds exactly these tenants until the enclosing `bound_tenants` block ends."""
    _bound.set(frozenset(tenants))


def current_tenants() -> frozenset[TenantId]:
    """The tenants bound to this task. Raises NoTenantBound if there are none."""
    tenants = _bound.get()
    if not tenants:
        raise NoTenantBound
    return tenants


def sole_tenant(tenants: frozenset[TenantId]) -> TenantId:
    """The only tenant. Raises NoTenantBound if there is none or more than one."""
    if len(tenants) != 1:
        raise NoTenantBound("this work needs exactly one tenant", bound=len(tenants))
    return next(iter(tenants))
