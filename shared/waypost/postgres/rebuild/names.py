"""What is called how while a projector is rebuilt."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    service: str
    schema: str
    """The projector's name."""

    @property
    def live(self) -> str:
        """The consumer, in every row."""
        return f"{self.service}.{self.schema}"

    @property
    def shadow(self) -> str:
        return f"{self.live}~new"

    @property
    def new_schema(self) -> str:
        return f"{self.schema}_new"

    @property
    def old_schema(self) -> str:
        """Kept after a swap, to look at; the next swap replaces it."""
        return f"{self.schema}_old"
