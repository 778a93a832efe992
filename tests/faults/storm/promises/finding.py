"""The result of a check: the number of cases, and the cases that break the promise."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tests.faults.storm.evidence import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    promise: str
    """`I1` to `I10`, as the design numbers them, or `F43`: row 43 of the fault matrix."""
    what: str
    cases: int
    violations: Sequence[str] = ()
    """Each with the ids that identify it."""
    remark: str = ""

    @property
    def bound(self) -> str:
        """The rule of three: with no violation in n cases, the rate is below 3/n, at 95 %."""
        if self.violations:
            return f"{len(self.violations)} of {self.cases}"
        return f"0 of {self.cases}: below {3 / self.cases:.2%}" if self.cases > 3 else f"0 of {self.cases}: too few"


Check = Callable[[Evidence], Finding]


def finding(promise: str, what: str, cases: int, violations: Iterable[str], remark: str = "") -> Finding:
    return Finding(promise=promise, what=what, cases=cases, violations=list(violations), remark=remark)
