"""Runs a command that may not outlive the process that asked for it, even when that process is
killed with SIGKILL.

    python -I -S parent_death_signal.py PARENT_PID SIGNAL ACCOUNT COMMAND...

Linux keeps the promise in the kernel (PR_SET_PDEATHSIG, set after the change of user, which would
clear it, and kept through exec). It counts the *thread* that started us, so commands are started
from the thread that runs the event loop. Elsewhere a small watcher beside the command waits for the
parent's end (kqueue). No import of ours: this file runs before anything is installed for the
account it becomes.
"""

import ctypes
import os
import pwd
import select
import sys
from typing import Any

PR_SET_PDEATHSIG = 1
SAME_ACCOUNT = "-"


def main() -> None:
    parent, signal_number, account, *command = sys.argv[1:]
    if account != SAME_ACCOUNT:
        _become(account)
    _die_with(int(parent), int(signal_number))
    os.execvp(command[0], command)  # noqa: S606 - the command is the caller's own; no shell is wanted between


def _become(account: str) -> None:
    entry = pwd.getpwnam(account)
    os.setgroups([entry.pw_gid])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def _die_with(parent: int, signal_number: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)
    else:
        _start_watcher(parent, signal_number)
    if os.getppid() != parent:  # it ended before the request reached the kernel
        sys.exit(1)


def _start_watcher(parent: int, signal_number: int) -> None:
    command = os.getpid()
    if os.fork() != 0:
        return
    os.setsid()
    bsd: Any = select  # kqueue exists on BSD and macOS alone
    watched = [bsd.kevent(pid, bsd.KQ_FILTER_PROC, bsd.KQ_EV_ADD, bsd.KQ_NOTE_EXIT) for pid in (parent, command)]
    if bsd.kqueue().control(watched, 1)[0].ident == parent:
        os.kill(command, signal_number)
    os._exit(0)


if __name__ == "__main__":
    main()
