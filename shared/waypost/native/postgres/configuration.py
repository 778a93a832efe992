"""The files that a server on this machine is configured by."""

from pathlib import Path

from waypost.native.configuration.postgres import server_settings
from waypost.native.ports import LOOPBACK

OVER_TCP_ALONE = """
unix_socket_directories = ''           # as in production: time-outs and keepalives mean something
"""

HOST_BASED_AUTHENTICATION = """
host all all 127.0.0.1/32 scram-sha-256
"""


def write_configuration(data: Path, *, port: int, max_connections: int) -> None:
    """Written at every start: the port and the budget of connections may have changed since the
    last one.
    """
    settings = server_settings(address=LOOPBACK, port=port, max_connections=max_connections)
    (data / "postgresql.auto.conf").write_text(settings + OVER_TCP_ALONE)
    (data / "pg_hba.conf").write_text(HOST_BASED_AUTHENTICATION)
