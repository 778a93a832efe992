"""Secrets in files that may be replaced while the process runs."""

from dataclasses import dataclass
from pathlib import Path

from waypost.kernel.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A password or a token. `read` returns what the file holds now, without white space around
    it.
    """

    file: Path

    def read(self) -> str:
        """Raises Misconfigured if the file is empty or cannot be read."""
        try:
            secret = self.file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(
                f"cannot read the secret in {self.file}: {error}. Mount the file, or correct its name"
            ) from error
        if not secret:
            raise Misconfigured(f"the file {self.file} is empty: write the secret into it")
        return secret
