"""What the schema tools find wrong: what, why, and what to do about it."""


class SchemaProblem(Exception):
    """One finding, to be read by the person whose check fails."""

    def __init__(self, where: str, what: str, why: str, remedy: str) -> None:
        self.where, self.what, self.why, self.remedy = where, what, why, remedy
        super().__init__(f"{where}: {what}\n  why: {why}\n  do:  {remedy}")
