"""Who holds a port that is not free."""

import psutil


def holder_of(port: int) -> str:
    """The process that listens there, `name (pid 12)`, as far as this account may see."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS shows other accounts' sockets to root alone
        return "another process"
    pids = [c.pid for c in connections if c.laddr and c.laddr.port == port and c.status == psutil.CONN_LISTEN and c.pid]
    return f"{psutil.Process(pids[0]).name()} (pid {pids[0]})" if pids else "another process"
