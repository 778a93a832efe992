"""Secrets in files that may be replaced while the process runs."""

from dataclasses import dataclass
from pathlib import Path

import structlog

from waypost.kernel.errors import Misconfigured

log = structlog.get_logger()

_last_good: dict[Path, str] = {}
"""The last secret of each file that this process has read."""


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A password or a token. `read` returns what the file holds now, without white space around
    it.
    """

    file: Path

    def read(self) -> str:
        """While the file is empty or cannot be read, for example during its replacement, returns
        the secret that it held before. Raises Misconfigured if this process has read none.
        """
        try:
            secret = self._read()
        except Misconfigured as error:
            if self.file not in _last_good:
                raise
            log.warning("secret_not_reloaded", file=str(self.file), error=str(error))
            return _last_good[self.file]
        _last_good[self.file] = secret
        return secret

    def _read(self) -> str:
        try:
            secret = self.file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured(
                f"cannot read the secret in {self.file}: {error}. Mount the file, or correct its name"
            ) from error
        if not secret:
            raise Misconfigured(f"the file {self.file} is empty: write the secret into it")
        return secret
