"""A finding of the schema tools: the problem, its reason and its remedy."""

from collections.abc import Mapping


class SchemaProblem(Exception):
    """One finding. `where` names the file and the field."""

    def __init__(self, where: str, what: str, why: str, remedy: str) -> None:
        self.where, self.what, self.why, self.remedy = where, what, why, remedy
        super().__init__(f"{where}: {what}\n  why: {why}\n  do:  {remedy}")

    def as_dict(self) -> Mapping[str, str]:
        return {"where": self.where, "what": self.what, "why": self.why, "remedy": self.remedy}
