"""The document of a service's events says what is so, and says it in AsyncAPI."""

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from infra.services import SERVICES
from schemas.users import UserCreated, UserErased
from services.billing.live.topology import NAME as LIVE_GROUP
from tests.fixtures.envelopes import user_created_envelope
from waypost.cli.services import service_named
from waypost.hosting.asyncapi import asyncapi_of
from waypost.hosting.asyncapi.channels import channel_of
from waypost.hosting.asyncapi.headers import headers_schema
from waypost.hosting.asyncapi.recorded import recorded_events
from waypost.hosting.service import Service
from waypost.kernel.cloudevents import from_headers, to_metadata
from waypost.kernel.errors import Misconfigured
from waypost.kernel.ids import new_id
from waypost.project import project
from waypost.schemas.lock import read_lock
from waypost.schemas.sources import read_sources
from waypost.schemas.topics import declared_topics

OFFICIAL = Draft7Validator(
    json.loads((Path(__file__).parents[3] / "fixtures" / "asyncapi" / "3.0.0.json").read_text()),
    format_checker=Draft7Validator.FORMAT_CHECKER,
)


@pytest.fixture(params=sorted(SERVICES))
def service(request: pytest.FixtureRequest) -> Service:
    return service_named(request.param)


def test_it_fits_the_official_schema(service: Service) -> None:
    document = asyncapi_of(service)
    assert [f"{error.json_path}: {error.message}" for error in OFFICIAL.iter_errors(document)] == []
    assert dangling(document) == []


def test_the_official_schema_would_tell(service: Service) -> None:
    document = asyncapi_of(service)
    message = next(iter(document["components"]["messages"].values()))
    message["payload"]["schema"]["type"] = "rekord"
    assert not OFFICIAL.is_valid(document)


def test_every_handler_of_every_consumer_is_described_and_nothing_else(service: Service) -> None:
    declared = {f"{service.name}.{each.name}": set(each.handlers) for each in service.consumers}
    if service.live_view is not None:
        declared[LIVE_GROUP] = set(service.live_view.handles)
    told: dict[str, set[str]] = defaultdict(set)
    for operation in operations(service, "receive"):
        (group,) = operation["bindings"]["kafka"]["groupId"]["enum"]
        told[group] |= set(names(operation))
    assert told == {group: {kind.type for kind in kinds} for group, kinds in declared.items()}


def test_a_service_publishes_what_it_records_on_its_own_topics_alone() -> None:
    published = {name: set[str]() for name in SERVICES}
    for name, types in published.items():
        for operation in operations(service_named(name), "send"):
            assert operation["channel"]["$ref"].startswith(f"#/channels/{name}.")
            types.update(names(operation))
    assert "user.created" in published["users"]
    assert "revenue.window_totaled" in published["billing"], "also what a process without a database sends"
    assert "subscription.past_due" in published["billing"]
    assert "payment_method.detached" in published["billing"]
    assert not published["notifications"] & published["billing"]


def test_an_event_is_recorded_where_it_is_made_and_not_where_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "a_service_of_this_test"
    (package / "domain").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "domain" / "user.py").write_text(
        "from schemas.users import UserCreated as Created, UserErased\n"
        "def tell(event):\n"
        "    match event:\n"
        "        case UserErased():\n"
        "            return Created(**event)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert recorded_events(package.name) == {UserCreated}
    assert UserErased not in recorded_events(package.name)
    sys.modules.pop(package.name)


def test_a_message_carries_the_schema_that_its_records_are_written_by(service: Service) -> None:
    newest = {source.event_type: source for source in read_sources(project().schemas_folder)}
    ids = {(line.type, line.version): line.id for line in read_lock(project().schemas_folder)}
    for event_type, message in asyncapi_of(service)["components"]["messages"].items():
        source = newest[event_type]
        assert message["payload"]["schema"] == json.loads(source.path.read_text())
        assert message["x-schema-id"] == ids[event_type, source.version]


def test_the_schema_has_the_headers_that_are_written() -> None:
    schema = headers_schema()
    everything = to_metadata(user_created_envelope(tracestate="vendor=1", actor_id=new_id()))
    least = to_metadata(user_created_envelope(traceparent=None))
    assert list(schema["properties"]) == list(everything)
    validator = Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER)
    for headers in (everything, least):
        assert [error.message for error in validator.iter_errors(headers)] == []
    assert set(schema["required"]) | {"ce_sequence"} == set(least)


@pytest.mark.parametrize("traceparent", [f"00-{'0' * 32}-{'1' * 16}-01", f"00-{'1' * 32}-{'0' * 16}-01"])
def test_a_trace_that_a_consumer_ignores_does_not_fit(traceparent: str) -> None:
    metadata = {**to_metadata(user_created_envelope()), "traceparent": traceparent}
    assert from_headers([(name, value.encode()) for name, value in metadata.items()]).cause.traceparent is None
    (error,) = Draft7Validator(headers_schema()).iter_errors(metadata)
    assert error.json_path == "$.traceparent"


def test_a_channel_says_what_the_topic_is_declared_with() -> None:
    kafka = asyncapi_of(service_named("users"))["channels"]["users.user"]["bindings"]["kafka"]
    assert (kafka["partitions"], kafka["replicas"]) == (8, 1)
    assert kafka["topicConfiguration"] == {"cleanup.policy": ["delete"], "retention.ms": -1, "retention.bytes": -1}


def test_a_topic_that_is_not_declared_is_refused_with_what_to_do() -> None:
    with pytest.raises(Misconfigured, match=r"users\.stray is not in topics\.yaml: declare it"):
        channel_of("users.stray", [], declared_topics())


def operations(service: Service, action: str) -> list[dict[str, Any]]:
    return [each for each in asyncapi_of(service)["operations"].values() if each["action"] == action]


def names(operation: dict[str, Any]) -> list[str]:
    return [message["$ref"].rpartition("/")[2] for message in operation["messages"]]


def dangling(document: dict[str, Any]) -> list[str]:
    """References that lead nowhere: a JSON Schema cannot tell."""

    def references(node: Any) -> list[str]:
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
        own = [node["$ref"]] if isinstance(node, dict) and "$ref" in node else []
        return [*own, *(found for child in children for found in references(child))]

    def leads_somewhere(reference: str) -> bool:
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node.get(step, {})
        return bool(node)

    return [each for each in references(document) if not leads_somewhere(each)]
