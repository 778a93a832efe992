"""The stack's commands, as a person types them."""

import os
import signal
import socket

import httpx
import psutil
from aiokafka.admin import AIOKafkaAdminClient

from infra.stack.places import stack_directory
from infra.stack.processes import services_here
from tests.fixtures.stack import CommandLine
from waypost.devstack.files import board_file, lock_file
from waypost.devstack.status_board import read_board
from waypost.native.ports import LOOPBACK, ephemeral_ports
from waypost.schemas.topics import declared_topics
from waypost.testing.eventually import eventually


async def test_stack_starts_once_and_ends_with_its_supervisor(stack: CommandLine) -> None:
    first = await stack("up", "--only", "topics", "--only", "databases")
    assert first.code == 0, first.text
    assert await topics_at(stack.addresses.kafka_bootstrap) == {topic.name for topic in declared_topics()}

    second = await stack("up", "--only", "topics")
    assert second.code == 0
    assert "already running" in second.text and "no component to start" in second.text
    assert (await stack("status")).code == 0

    started = stack.supervisor.children(recursive=True)
    assert {process.name() for process in started} >= {"java", "postgres"}
    stack.supervisor.send_signal(signal.SIGKILL)
    await eventually(lambda: not any(is_alive(process) for process in started))
    assert (await stack("status")).code == 1


async def test_stack_restarts_after_a_kill_and_stops_on_request(stack: CommandLine) -> None:
    await stack("up", "--only", "databases")
    stack.supervisor.send_signal(signal.SIGKILL)
    again = await stack("up", "--only", "databases")
    assert again.code == 0, again.text
    refused = await stack("up", "--only", "nosuch")
    assert refused.code == 1
    assert "there is no nosuch" in refused.text and "choose from kafka, postgres" in refused.text

    started = stack.supervisor.children(recursive=True)
    assert (await stack("down")).text == "Stopped.\n"
    assert not any(is_alive(process) for process in started)
    assert not lock_file(stack_directory(stack.addresses.port_base)).read_text(), (
        "the lock file names a process that has ended"
    )
    assert (await stack("down")).text == "No stack was running.\n"


async def test_running_stack_adds_components_and_restarts_them(stack: CommandLine) -> None:
    assert (await stack("restart", "mail")).code == 1, "nothing runs yet"
    first = await stack("up", "--only", "databases")
    assert first.code == 0, first.text
    postgres = process_of(stack, "postgres")

    added = await stack("up", "--only", "mail", "--only", "start-page")
    assert added.code == 0, added.text
    assert "started mail, start-page" in added.text
    assert f"Every page of this stack: {stack.addresses.url('start-page')}/" in added.text
    assert process_of(stack, "postgres") == postgres, "it was stopped for the new ones"

    mail = process_of(stack, "mail")
    restarted = await stack("restart", "mail")
    assert restarted.code == 0, restarted.text
    assert "Restarted mail." in restarted.text
    assert process_of(stack, "mail") != mail
    assert process_of(stack, "postgres") == postgres

    async with httpx.AsyncClient() as http:
        page = await http.get(f"{stack.addresses.url('start-page')}/")
    assert page.status_code == 200
    for part in ("mail", "payments", "zipkin", "registry"):
        assert stack.addresses.url(part) in page.text
    for service in services_here():
        for path in ("/docs", "/asyncapi", "/metrics"):
            assert f"{stack.addresses.url(f'{service}-management')}{path}" in page.text


async def test_a_base_among_the_kernels_outgoing_ports_is_refused(stack: CommandLine) -> None:
    refused = await CommandLine(ephemeral_ports().start)("up", "--only", "databases")
    assert refused.code == 1
    assert f"{ephemeral_ports().start} to {ephemeral_ports()[-1]}, which the kernel assigns" in refused.text


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


def process_of(stack: CommandLine, name: str) -> int | None:
    board = read_board(board_file(stack_directory(stack.addresses.port_base)))
    assert board is not None
    return next(line.pid for line in board.lines if line.name == name)


async def topics_at(bootstrap: str) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


def is_alive(process: psutil.Process) -> bool:
    """A zombie whose parent has ended counts as dead; its new parent reaps it later."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
