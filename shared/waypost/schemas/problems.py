"""A finding of the schema tools: what is wrong, why, and what to do about it."""

from collections.abc import Mapping


class SchemaProblem(Exception):
    """One finding. `where` names the file and the field."""

    def __init__(self, where: str, what: str, why: str, remedy: str) -> None:
        self.where, self.what, self.why, self.remedy = where, what, why, remedy
        super().__init__(f"{where}: {what}\n  why: {why}\n  do:  {remedy}")

    def as_dict(self) -> Mapping[str, str]:
        return {"where": self.where, "what": self.what, "why": self.why, "remedy": self.remedy}
