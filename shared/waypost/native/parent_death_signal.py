"""Runs a command that ends with its parent process, even if SIGKILL ends the parent.

    python -I -S parent_death_signal.py PARENT_PID SIGNAL ACCOUNT COMMAND...

On Linux the kernel sends the signal (PR_SET_PDEATHSIG). It is set after the change of user, which
clears it, and survives exec. The kernel watches the *thread* that started this process, so commands
are started from the thread of the event loop. On other systems a watcher process waits for the
parent's end (kqueue). This file imports only the standard library, because the account that it
switches to may not be able to read the installed packages.
"""

import ctypes
import os
import pwd
import select
import signal
import sys
from typing import Any

PR_SET_PDEATHSIG = 1
SAME_ACCOUNT = "-"


def main() -> None:
    parent, signal_number, account, *command = sys.argv[1:]
    if account != SAME_ACCOUNT:
        _become(account)
    die_with_parent(int(parent), int(signal_number))
    os.execvp(command[0], command)  # noqa: S606 - the caller's command, without a shell


def _become(account: str) -> None:
    entry = pwd.getpwnam(account)
    os.setgroups([entry.pw_gid])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def die_with_parent(parent: int, signal_number: int = signal.SIGKILL) -> None:
    """Exits if the parent has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)
    else:
        _start_watcher(parent, signal_number)
    if os.getppid() != parent:  # the parent ended before the kernel watched it
        sys.exit(1)


def _start_watcher(parent: int, signal_number: int) -> None:
    command = os.getpid()
    if os.fork() != 0:
        return
    os.setsid()
    bsd: Any = select  # kqueue exists only on BSD and macOS
    watched = [bsd.kevent(pid, bsd.KQ_FILTER_PROC, bsd.KQ_EV_ADD, bsd.KQ_NOTE_EXIT) for pid in (parent, command)]
    if bsd.kqueue().control(watched, 1)[0].ident == parent:
        os.kill(command, signal_number)
    os._exit(0)


if __name__ == "__main__":
    main()
