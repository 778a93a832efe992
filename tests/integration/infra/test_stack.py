"""The stack's commands, as a person types them."""

import os
import signal
import socket

import psutil
from aiokafka.admin import AIOKafkaAdminClient

from infra.stack.places import lock_file, stack_directory
from tests.fixtures.stack import CommandLine
from waypost.native.ports import LOOPBACK
from waypost.schemas.topics import declared_topics
from waypost.testing.eventually import eventually


async def test_it_comes_up_once_and_leaves_nothing_when_its_supervisor_is_killed(stack: CommandLine) -> None:
    first = await stack("up", "--only", "topics", "--only", "databases")
    assert first.code == 0, first.text
    assert await topics_at(stack.addresses.kafka_bootstrap) == {each.name for each in declared_topics()}

    second = await stack("up")
    assert second.code == 0
    assert "already runs" in second.text
    assert (await stack("status")).code == 0

    started = stack.supervisor.children(recursive=True)
    assert {process.name() for process in started} >= {"java", "postgres"}
    stack.supervisor.send_signal(signal.SIGKILL)
    await eventually(lambda: not any(is_alive(process) for process in started))
    assert (await stack("status")).code == 1


async def test_it_starts_again_after_a_kill_and_stops_when_asked(stack: CommandLine) -> None:
    await stack("up", "--only", "databases")
    stack.supervisor.send_signal(signal.SIGKILL)
    again = await stack("up", "--only", "databases")
    assert again.code == 0, again.text
    for absent in ("nosuch", "topics"):
        refused = await stack("up", "--only", absent)
        assert refused.code == 1
        assert f"there is no {absent} in the stack that runs" in refused.text
        assert "choose from postgres, databases; `make down` ends this stack" in refused.text

    started = stack.supervisor.children(recursive=True)
    assert (await stack("down")).text == "Stopped.\n"
    assert not any(is_alive(process) for process in started)
    assert not lock_file(stack_directory(stack.addresses.port_base)).read_text(), "it names a process that has ended"
    assert (await stack("down")).text == "Nothing ran.\n"


async def test_a_taken_port_is_named_with_its_holder_and_the_remedy(stack: CommandLine) -> None:
    port = stack.addresses.port("postgres")
    with socket.socket() as stranger:
        stranger.bind((LOOPBACK, port))
        stranger.listen()
        refused = await stack("up", "--only", "databases")
    assert refused.code == 1
    assert f"port {port} (for postgres) is taken by" in refused.text
    assert f"pid {os.getpid()}" in refused.text
    assert "WAYPOST_PORT_BASE=" in refused.text


async def topics_at(bootstrap: str) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


def is_alive(process: psutil.Process) -> bool:
    """A zombie whose parent has gone is dead already; whoever adopted it will notice in its own time."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
