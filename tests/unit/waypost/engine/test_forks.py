"""Jobs in forks: their results, their errors and their ends."""

import asyncio
import json
import os
import signal
import struct
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import uvloop

from tests.fixtures.forked import ForkedProgram
from waypost.engine.rebuild.forks import ForkEnded, Report, in_forks
from waypost.kernel.errors import Permanent
from waypost.testing.eventually import eventually


async def reports(records: int, report: Report) -> tuple[int, int]:
    report(records)
    report(records)
    return records, os.getpid()


async def waits_for_ever(pids: Path, report: Report) -> tuple[int, int]:
    with pids.open("a") as file:
        file.write(f"{os.getpid()}\n")
    await asyncio.Event().wait()
    raise AssertionError


async def test_results_come_in_the_order_of_the_jobs_and_reports_from_all() -> None:
    seen: list[int] = []
    results = await in_forks([partial(reports, 3), partial(reports, 4)], seen.append)
    assert [records for records, _ in results] == [3, 4]
    assert len({os.getpid(), *(pid for _, pid in results)}) == 3
    assert sorted(seen) == [3, 3, 4, 4]


async def test_long_results_arrive_on_every_kind_of_loop() -> None:
    async def is_long(report: Report) -> bytes:
        assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
        return bytes(3_000_000)

    jobs = [partial(is_long), partial(is_long)]
    assert await asyncio.to_thread(uvloop.run, in_forks(jobs, lambda _: None)) == [bytes(3_000_000)] * 2


async def test_an_error_of_one_job_is_raised_and_ends_the_others(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    async def fails(report: Report) -> tuple[int, int]:
        await eventually(lambda: is_true(len(pids_in(pids)) == 1))
        raise Permanent("as intended", part=7)

    with pytest.raises(Permanent, match="as intended") as raised:
        await in_forks([partial(waits_for_ever, pids), partial(fails)], lambda _: None)
    assert raised.value.facts == {"part": 7}
    assert not any(map(runs, pids_in(pids)))


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_killed_fork_is_noticed(signal_number: signal.Signals) -> None:
    async def ends_itself(report: Report) -> tuple[int, int]:
        os.kill(os.getpid(), signal_number)
        raise AssertionError

    with pytest.raises(ForkEnded, match="nothing was changed"):
        await in_forks([ends_itself], lambda _: None)


async def test_a_fork_killed_while_it_sends_its_result_is_noticed() -> None:
    async def sends_a_part(report: Report) -> tuple[int, int]:
        pipe: Connection = report.__self__  # type: ignore[attr-defined]
        os.write(pipe.fileno(), struct.pack("!i", 1000) + b"less than 1000 bytes")
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    with pytest.raises(ForkEnded, match="nothing was changed"):
        await in_forks([sends_a_part], lambda _: None)


async def test_a_programming_error_is_shown_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    async def divides(report: Report) -> tuple[int, int]:
        return 1 // 0, 0

    with pytest.raises(ForkEnded):
        await in_forks([divides], lambda _: None)
    assert "ZeroDivisionError" in capfd.readouterr().err


async def test_the_forks_of_a_killed_process_end(tmp_path: Path) -> None:
    pids, parent = tmp_path / "pids", tmp_path / "parent"
    environment = {**os.environ, "JOBS": json.dumps([str(pids)] * 2), "PARENT": str(parent)}
    program = ForkedProgram("tests.unit.waypost.engine.forks_process", log=tmp_path / "log", environment=environment)
    await program.start()
    try:
        await eventually(lambda: is_true(len(pids_in(pids)) == 2))
        (its_pid,) = pids_in(parent)
        os.kill(its_pid, signal.SIGKILL)
        await eventually(lambda: is_true(not any(map(runs, pids_in(pids)))))
    finally:
        await program.kill()  # the whole process group


async def is_true(condition: bool) -> bool:
    return condition


def pids_in(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


def runs(pid: int) -> bool:
    """False as soon as the process has ended, although nothing may have waited for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
