"""Names of schemas and consumers during a rebuild."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    service: str
    schema: str
    """Schema and name of the projection."""

    @property
    def live(self) -> str:
        """Name of the live consumer in every row."""
        return f"{self.service}.{self.schema}"

    @property
    def shadow(self) -> str:
        return f"{self.live}~new"

    @property
    def new_schema(self) -> str:
        return f"{self.schema}_new"

    @property
    def old_schema(self) -> str:
        """The previous schema, kept after a swap for inspection. The next swap replaces it."""
        return f"{self.schema}_old"
