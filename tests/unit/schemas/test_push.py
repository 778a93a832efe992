"""`waypost schemas push` leaves a registry with the ids of the lock, or says why it did not."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.unit.schemas.folder import SchemaFolder
from waypost.project import project
from waypost.schemas.lock import read_lock


class Registry(ThreadingHTTPServer):
    """The one call of Confluent's API that a push makes: ids are counted from `first`."""

    first = 1

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Registration)
        self.subjects: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Registration(BaseHTTPRequestHandler):
    server: Registry
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert request["schemaType"] == "AVRO" and json.loads(request["schema"])["type"] == "record"
        self.server.subjects.append(self.path.removeprefix("/subjects/").removesuffix("/versions"))
        answer = json.dumps({"id": self.server.first + len(self.server.subjects) - 1}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Tests stay quiet."""


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_empty_registry_gives_the_ids_of_the_lock(folder: SchemaFolder, registry: Registry) -> None:
    assert folder.run("push", registry.url) == 0
    assert registry.subjects == [line.subject for line in read_lock(project().schemas_folder)]


def test_another_id_than_the_locks_ends_the_push(
    folder: SchemaFolder, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.first = 8
    assert folder.run("push", registry.url) == 1
    assert "assigned id 8, but the locked id is 1" in capsys.readouterr().err
    assert len(registry.subjects) == 1


def test_a_registry_that_is_away_is_named(
    folder: SchemaFolder, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    url = registry.url
    registry.server_close()
    assert folder.run("push", url) == 1
    assert f"the registry at {url}" in capsys.readouterr().err
