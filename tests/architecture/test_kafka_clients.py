"""One module knows how a Kafka client signs in: each client is created with its arguments."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENTS = {
    "AIOKafkaAdminClient",
    "AIOKafkaClient",
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "_Client",
    "App",
    "create_conn",
}
ARGUMENTS = {"client_arguments", "faust_arguments"}
EXEMPT = {
    "shared/waypost/native/kafka/probe.py": "a broker without encryption, of the installation and of tests",
    "shared/waypost/kafka/refusals.py": "takes the arguments apart: it opens a connection, not a client",
    "shared/waypost/testing/hosted.py": "the broker of a test, without encryption",
}
ROOMS = ("shared", "services", "infra")


def clients_built_elsewhere(source: str) -> Iterator[int]:
    """Lines that create a client without the arguments."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or _name(node.func) not in CLIENTS or not (node.args or node.keywords):
            continue
        if _name(node.func) == "App" and ast.unparse(node.func) != "faust.App":
            continue
        spread = [each.value for each in node.keywords if each.arg is None]
        if not any(isinstance(each, ast.Call) and _name(each.func) in ARGUMENTS for each in spread):
            yield node.lineno


def _name(function: ast.expr) -> str:
    return ast.unparse(function).rpartition(".")[2]


def test_each_client_of_the_product_is_created_with_the_arguments() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if list(clients_built_elsewhere(path.read_text()))
    }
    assert found == set(EXEMPT)


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("AIOKafkaProducer(bootstrap_servers=brokers)", [1]),
        ("aiokafka.AIOKafkaConsumer(topic, **options)", [1]),
        ("faust.App('name', broker='kafka://a')", [1]),
        ("faust.App('name', **faust_arguments(brokers))", []),
        ("AIOKafkaClient(**client_arguments(brokers), client_id='a')", []),
        ("isinstance(client, AIOKafkaClient)", []),
    ],
)
def test_a_client_that_is_created_elsewhere_is_found(source: str, lines: list[int]) -> None:
    assert list(clients_built_elsewhere(source)) == lines
