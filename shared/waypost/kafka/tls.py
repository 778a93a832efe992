"""TLS contexts whose files may be replaced while the process runs."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import structlog

from waypost.kernel.errors import Misconfigured
from waypost.ports.brokers import BrokerConnection
from waypost.project import variable

log = structlog.get_logger()

_FileState = tuple[int, int, int]
"""Inode, size and time of the last change: an orchestrator replaces a mounted secret by a link."""


class ReloadingContext(ssl.SSLContext):
    """A client's context that reads its files again for a new connection if one has changed.

    While the new files cannot be loaded, for example because only one of certificate and key has
    been replaced, the old ones stay in use. Open connections keep their certificate.
    """

    _connection: BrokerConnection
    _current: ssl.SSLContext
    _states: Sequence[_FileState]

    def __new__(cls, connection: BrokerConnection) -> Self:
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, connection: BrokerConnection) -> None:
        """Raises Misconfigured if a file is missing or is not what its setting says."""
        self._connection = connection
        try:
            self._states = self._read_states()
            self._current = _context(connection)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise Misconfigured(
                f"the certificates of the connection to Kafka cannot be loaded: {error}."
                f" {variable('KAFKA_CA_FILE')}, {variable('KAFKA_CERTIFICATE_FILE')} and {variable('KAFKA_KEY_FILE')}"
                f" name PEM files: {', '.join(map(str, self._files)) or 'none is set'}"
            ) from error

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        return self._renewed().wrap_bio(*arguments, **options)

    @property
    def _files(self) -> Sequence[Path]:
        named = (self._connection.ca_file, self._connection.certificate_file, self._connection.key_file)
        return [file for file in named if file is not None]

    def _read_states(self) -> Sequence[_FileState]:
        found = [file.stat() for file in self._files]
        return [(state.st_ino, state.st_size, state.st_mtime_ns) for state in found]

    def _renewed(self) -> ssl.SSLContext:
        try:
            states = self._read_states()
            if states != self._states:
                self._current = _context(self._connection)
                self._states = states
        except (OSError, ValueError) as error:
            log.warning("certificates_not_reloaded", files=[str(file) for file in self._files], error=str(error))
        return self._current


def _context(connection: BrokerConnection) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=connection.ca_file)
    if connection.certificate_file is not None:
        context.load_cert_chain(connection.certificate_file, connection.key_file)
    return context
