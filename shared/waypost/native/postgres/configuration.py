"""Writes the configuration files of a native server."""

from pathlib import Path

from waypost.native.configuration.postgres import server_settings
from waypost.native.ports import LOOPBACK

SLOTS_LIMITED = """
max_slot_wal_keep_size = 1GB           # a standby that is gone must not fill the disk
"""

TCP_ONLY = """
unix_socket_directories = ''           # as in production: time-outs and keepalives apply
"""

HOST_BASED_AUTHENTICATION = """
host all all 127.0.0.1/32 scram-sha-256
host replication postgres 127.0.0.1/32 scram-sha-256
"""


def write_configuration(data: Path, *, port: int, max_connections: int, durable: bool, further: str = "") -> None:
    """Writes the files. Runs at every start, because port, connection limit and `further` lines may
    have changed.
    """
    settings = server_settings(address=LOOPBACK, port=port, max_connections=max_connections, durable=durable)
    (data / "postgresql.auto.conf").write_text(settings + SLOTS_LIMITED + TCP_ONLY + further)
    (data / "pg_hba.conf").write_text(HOST_BASED_AUTHENTICATION)
