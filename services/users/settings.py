"""Settings of a users process, from its environment."""

from pathlib import Path

from pydantic import Field, SecretStr

from waypost.settings import Settings


class UsersSettings(Settings):
    keys_directory: Path
    """Contains `signing.json` and `sealing.public.json` (`services.users.adapters.keys`)."""
    idempotency_secret: SecretStr = Field(min_length=16, max_length=64)
    """The variable of the process `api`. Users also derives the id of a new tenant from it and the
    request's idempotency key. After a change, a repeated `POST /tenants` with a key from before
    opens a second tenant.
    """
    password_threads: int = Field(default=2, ge=1, le=64)
    """Concurrent password hashes; each takes 19 MiB and a core for about 20 ms."""
    password_queue: int = Field(default=64, ge=0)
    """Number of callers that may wait for a thread before the API answers 503."""
