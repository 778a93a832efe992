"""The server's configuration files. Everything that differs from PostgreSQL's own defaults stands here, with its why."""

from pathlib import Path

from infra.stack.ports import LOOPBACK

SETTINGS = """
listen_addresses = '{address}'
port = {port}
unix_socket_directories = ''           # TCP alone, as in production: time-outs and keepalives mean something
max_connections = {max_connections}    # the sum of infra.postgres.connections
shared_buffers = 64MB
password_encryption = scram-sha-256
scram_iterations = 1                   # passwords here are 192 random bits: stretching them only slows every connection
fsync = on
jit = off                              # short statements; compiling them costs more than it gains
log_line_prefix = '%m [%p] %u@%d %a '
log_checkpoints = off
timezone = 'UTC'
log_timezone = 'UTC'
"""

HOST_BASED_AUTHENTICATION = """
host all all 127.0.0.1/32 scram-sha-256
"""


def write_configuration(data: Path, *, port: int, max_connections: int) -> None:
    """Written at every start: the port and the budget of connections may have changed since the last one."""
    settings = SETTINGS.format(address=LOOPBACK, port=port, max_connections=max_connections)
    (data / "postgresql.auto.conf").write_text(settings)
    (data / "pg_hba.conf").write_text(HOST_BASED_AUTHENTICATION)
