"""The registry from the view of Confluent's own client and its error codes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from infra.registry.app import create_app
from infra.registry.catalog import read_catalog
from infra.registry.settings import RegistrySettings
from waypost.kernel.errors import Misconfigured
from waypost.testing.http import caller, serving

Answer = TypeVar("Answer")
CREATED = "users.user-waypost.users.UserCreated"
RENAMED = "users.user-waypost.users.UserRenamed"


def record(name: str, *fields: str) -> dict[str, Any]:
    shape = [{"name": field, "type": "string", "default": ""} for field in fields]
    return {"type": "record", "name": name, "namespace": "waypost.users", "fields": shape}


SCHEMAS = [
    (1, CREATED, 1, record("UserCreated", "name")),
    (2, CREATED, 2, record("UserCreated", "name", "mail")),
    (3, RENAMED, 1, record("UserRenamed", "name")),
]


@pytest.fixture
def lock_folder(tmp_path: Path) -> Path:
    entries = []
    for schema_id, subject, version, schema in SCHEMAS:
        file = f"avro/{schema_id}.avsc"
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(json.dumps(schema, indent=2))
        entry = {"id": schema_id, "subject": subject, "type": "-", "version": version, "file": file, "fingerprint": "-"}
        entries.append(entry)
    (tmp_path / "registry.lock.json").write_text(json.dumps({"schemas": entries}))
    return tmp_path


@pytest.fixture
async def url(lock_folder: Path) -> AsyncIterator[str]:
    async with serving(create_app(RegistrySettings(schemas_directory=lock_folder))) as base_url:
        yield base_url


@pytest.fixture
async def registry(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(url) as client:
        yield client


async def in_thread(url: str, act: Callable[[SchemaRegistryClient], Answer]) -> Answer:
    """Confluent's client blocks, and the registry runs in this loop."""

    def talk() -> Answer:
        with SchemaRegistryClient({"url": url}) as client:
            return act(client)

    return await asyncio.to_thread(talk)


async def test_confluents_client_reads_everything(url: str) -> None:
    assert await in_thread(url, lambda client: client.get_subjects()) == [CREATED, RENAMED]
    assert await in_thread(url, lambda client: client.get_versions(CREATED)) == [1, 2]
    latest = await in_thread(url, lambda client: client.get_latest_version(CREATED))
    assert (latest.schema_id, latest.version) == (2, 2)
    by_id = await in_thread(url, lambda client: client.get_schema(3))
    assert json.loads(by_id.schema_str or "") == SCHEMAS[2][3]
    assert await in_thread(url, lambda client: client.get_compatibility()) == "FULL_TRANSITIVE"


async def test_a_record_travels_through_confluents_serializers(url: str) -> None:
    event = {"name": "Ada", "mail": "ada@acme.test"}
    written = await in_thread(url, lambda client: write(client, event))
    assert written is not None
    assert written[:5] == b"\x00\x00\x00\x00\x02"
    assert await in_thread(url, lambda client: AvroDeserializer(client)(written, context())) == event


def context() -> SerializationContext:
    return SerializationContext("users.user", MessageField.VALUE)


def write(client: SchemaRegistryClient, event: dict[str, str]) -> bytes | None:
    settings = {"auto.register.schemas": False, "subject.name.strategy": lambda *_: CREATED}
    return AvroSerializer(client, json.dumps(SCHEMAS[1][3]), conf=settings)(event, context())


async def test_confluents_client_may_not_write(url: str) -> None:
    with pytest.raises(SchemaRegistryError) as refused:
        await in_thread(url, lambda client: client.set_compatibility(CREATED, "NONE"))
    assert refused.value.http_status_code == 405
    assert "read-only" in refused.value.error_message


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/schemas/ids/99", 404, 40403),
        ("/schemas/ids/99/versions", 404, 40403),
        ("/schemas/ids/one", 404, 404),
        ("/subjects/nobody/versions", 404, 40401),
        ("/subjects/nobody/versions/latest", 404, 40401),
        (f"/subjects/{CREATED}/versions/3", 404, 40402),
        (f"/subjects/{CREATED}/versions/0", 422, 42202),
        (f"/subjects/{CREATED}/versions/first", 422, 42202),
        (f"/config/{CREATED}", 404, 40408),
        (f"/mode/{CREATED}", 404, 40409),
        ("/nowhere", 404, 404),
    ],
)
async def test_errors_have_confluents_codes(registry: httpx.AsyncClient, path: str, status: int, code: int) -> None:
    answer = await registry.get(path)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/subjects/{CREATED}/versions"),
        ("DELETE", f"/subjects/{CREATED}"),
        ("DELETE", f"/subjects/{CREATED}/versions/1"),
        ("PUT", "/config"),
        ("PUT", f"/mode/{CREATED}"),
    ],
)
async def test_writes_are_refused(registry: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await registry.request(method, path, json={})
    assert (answer.status_code, answer.json()["error_code"]) == (405, 405)
    assert answer.headers["content-type"] == "application/vnd.schemaregistry.v1+json"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", {}),
        ("/schemas/types", ["AVRO"]),
        ("/schemas/ids/2/versions", [{"subject": CREATED, "version": 2}]),
        ("/schemas/ids/2/subjects", [CREATED]),
        ("/schemas/ids/3/schema", SCHEMAS[2][3]),
        (f"/subjects/{RENAMED}/versions/-1/schema", SCHEMAS[2][3]),
        (f"/subjects/{RENAMED}/versions/1/referencedby", []),
        ("/subjects?subjectPrefix=users.user-waypost.users.UserR", [RENAMED]),
        ("/mode", {"mode": "READONLY"}),
        (f"/mode/{RENAMED}?defaultToGlobal=true", {"mode": "READONLY"}),
        (f"/config/{RENAMED}?defaultToGlobal=true", {"compatibilityLevel": "FULL_TRANSITIVE"}),
    ],
)
async def test_other_tools_find_their_way(registry: httpx.AsyncClient, path: str, body: object) -> None:
    answer = await registry.get(path)
    assert (answer.status_code, answer.json()) == (200, body)


async def test_a_schema_is_recognised_by_what_it_says(registry: httpx.AsyncClient) -> None:
    known = await registry.post(f"/subjects/{CREATED}", json={"schema": json.dumps(SCHEMAS[0][3], indent=4)})
    unknown = await registry.post(f"/subjects/{CREATED}", json={"schema": '"string"'})
    assert (known.json()["id"], known.json()["version"]) == (1, 1)
    assert unknown.json()["error_code"] == 40403


def test_a_missing_lock_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="WAYPOST_SCHEMAS_DIRECTORY"):
        read_catalog(tmp_path)


def test_a_missing_schema_file_is_named(lock_folder: Path) -> None:
    (lock_folder / "avro/2.avsc").unlink()
    with pytest.raises(Misconfigured, match=r"2\.avsc"):
        read_catalog(lock_folder)


def test_an_id_given_twice_is_refused(lock_folder: Path) -> None:
    lock = lock_folder / "registry.lock.json"
    lock.write_text(lock.read_text().replace('"id": 3', '"id": 2'))
    with pytest.raises(Misconfigured, match="twice"):
        read_catalog(lock_folder)
