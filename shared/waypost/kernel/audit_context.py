"""On whose word, and why, the system is changed by hand."""

from dataclasses import dataclass

from waypost.kernel.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditContext:
    """Raises Invalid without a name or a reason: an audit that tells neither is none."""

    operator: str
    reason: str

    def __post_init__(self) -> None:
        if not self.operator.strip():
            raise Invalid("an operator's act names who it is done by")
        if not self.reason.strip():
            raise Invalid("an operator's act says why it is done: give a reason")
