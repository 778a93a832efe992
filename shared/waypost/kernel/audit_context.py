"""The operator and reason of a manual change."""

from dataclasses import dataclass

from waypost.kernel.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditContext:
    """The name of an operator and the reason of a change, for the audit. Raises Invalid if either
    is empty.
    """

    operator: str
    reason: str

    def __post_init__(self) -> None:
        if not self.operator.strip():
            raise Invalid("a manual change needs the operator's name")
        if not self.reason.strip():
            raise Invalid("a manual change needs a reason")
