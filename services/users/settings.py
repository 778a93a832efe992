"""What a users process reads from its environment."""

from pathlib import Path

from pydantic import Field, SecretStr

from waypost.settings import Settings


class UsersSettings(Settings):
    keys_directory: Path
    """Holds `signing.json` and `sealing.public.json` (`services.users.adapters.keys`)."""
    idempotency_secret: SecretStr = Field(min_length=16, max_length=64)
    """Also the key from which the ids of tenants come that a repeated request must find again."""
    password_threads: int = Field(default=2, ge=1, le=64)
    """Hashes at a time; each takes 19 MiB and a core for some 20 ms."""
    password_queue: int = Field(default=64, ge=0)
    """How many may wait for a thread before the API answers 503."""
