"""What the server is told beyond PostgreSQL's own defaults, each with its why; the same on this
machine and in a container.
"""

SETTINGS = """
listen_addresses = '{address}'
port = {port}
max_connections = {max_connections}
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

CLUSTER = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
"""For `initdb`: text sorts the same on every machine, whatever its C library."""


def server_settings(*, address: str, port: int, max_connections: int) -> str:
    """Text of a `postgresql.conf`; `address` `*` is every interface."""
    return SETTINGS.format(address=address, port=port, max_connections=max_connections)
