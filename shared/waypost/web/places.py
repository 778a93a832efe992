"""Bounds what callers keep open: streams, and requests that wait."""

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Literal

from waypost.kernel.errors import WaypostError
from waypost.web.principal import Principal

Whose = Literal["caller", "tenant", "process"]


class NoPlace(WaypostError):
    """All places are in use."""

    def __init__(self, whose: Whose, bound: int) -> None:
        self.whose: Whose = whose
        self.bound = bound
        super().__init__(f"all {bound} places of the {whose} are in use")


class Places:
    """Counts per caller, per tenant and in total. Used by one event loop."""

    def __init__(self, *, of_caller: int, of_tenant: int, of_process: int) -> None:
        self._of_caller = of_caller
        self._of_tenant = of_tenant
        self._of_process = of_process
        self._used: Counter[Hashable] = Counter()

    def acquire(self, caller: Principal) -> Callable[[], None]:
        """Counts one place from now on. Returns the function that ends the count. Raises
        NoPlace.
        """
        counted: dict[tuple[Whose, Hashable], int] = {
            ("caller", caller.user_id): self._of_caller,
            ("tenant", caller.tenant_id): self._of_tenant,
            ("process", None): self._of_process,
        }
        for key, bound in counted.items():
            if self._used[key] >= bound:
                raise NoPlace(key[0], bound)
        self._used.update(counted.keys())

        def release() -> None:
            self._used.subtract(counted.keys())
            for key in counted:
                if not self._used[key]:
                    del self._used[key]

        return release
