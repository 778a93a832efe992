"""Settings that differ from PostgreSQL's defaults, with reasons; equal for native processes and
containers.
"""

SETTINGS = """
listen_addresses = '{address}'
port = {port}
max_connections = {max_connections}
shared_buffers = 64MB
password_encryption = scram-sha-256
scram_iterations = 1                   # passwords are 192 random bits: more iterations only slow down connections
fsync = {fsync}
full_page_writes = {fsync}
jit = off                              # statements are short; compilation costs more than it saves
log_line_prefix = '%m [%p] %u@%d %a '
log_checkpoints = off
timezone = 'UTC'
log_timezone = 'UTC'
"""

CLUSTER = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
"""Arguments of `initdb`: text sorts equally on every machine, independent of its C library."""


def server_settings(*, address: str, port: int, max_connections: int, durable: bool = True) -> str:
    """Text of a `postgresql.conf`; `address` `*` means every interface.

    A server that is not durable loses data if the machine stops, but not if its processes are
    killed: the operating system still has the written pages.
    """
    fsync = "on" if durable else "off"
    return SETTINGS.format(address=address, port=port, max_connections=max_connections, fsync=fsync)
