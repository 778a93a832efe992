"""Settings of a users process, from its environment."""

from pathlib import Path

from pydantic import Field, SecretStr

from waypost.settings import Settings


class UsersSettings(Settings):
    keys_directory: Path
    """Contains `signing.json` and `sealing.public.json` (`services.users.adapters.keys`)."""
    idempotency_secret: SecretStr = Field(min_length=16, max_length=64)
    """Also the key that derives tenant ids from idempotency keys."""
    password_threads: int = Field(default=2, ge=1, le=64)
    """Concurrent password hashes; each takes 19 MiB and a core for about 20 ms."""
    password_queue: int = Field(default=64, ge=0)
    """Number of callers that may wait for a thread before the API answers 503."""
