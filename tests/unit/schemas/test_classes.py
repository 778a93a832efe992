"""The generated classes are what a person would have written."""

import dataclasses
import subprocess
import sys
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from schemas.catalogue import EVENTS
from schemas.users import UserCreated, UserPasswordResetRequested
from tests.unit.schemas.folder import SchemaFolder, adds
from waypost.kernel.event import Event
from waypost.project import project
from waypost.schemas.classes import generate

PERSON = "ada@example.org"


def user_created() -> UserCreated:
    return UserCreated(
        tenant_id=uuid4(),
        user_id=uuid4(),
        email=PERSON,
        display_name="Ada",
        role="owner",
        locale="en",
        created_at=datetime.now(UTC),
    )


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS.keys())
def test_every_class_is_an_event_of_its_topic(event: type[Event]) -> None:
    assert issubclass(event, Event)
    assert event.topic.partition(".")[0] == event.__module__.rpartition(".")[2]
    assert dataclasses.fields(event)[0].name == "tenant_id"  # type: ignore[arg-type]  # every generated class is a dataclass
    assert not hasattr(event, "__dict__") or "__slots__" in vars(event)


def test_an_event_is_frozen_and_takes_no_further_attributes() -> None:
    event = user_created()
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.email = "other"  # type: ignore[misc]  # the point of the test
    assert not hasattr(event, "__dict__")


def test_the_representation_shows_no_person_and_no_token() -> None:
    reset = UserPasswordResetRequested(
        tenant_id=uuid4(),
        user_id=uuid4(),
        email=PERSON,
        locale="en",
        sealing_key_id="key-1",
        sealed_token=b"sealed",
        expires_at=datetime.now(UTC),
        requested_at=datetime.now(UTC),
    )
    assert UserCreated.personal == {"email", "display_name"}
    assert not any(secret in repr(event) for event in (user_created(), reset) for secret in (PERSON, "Ada", "sealed'"))


def test_old_callers_still_build_an_event_that_grew(folder: SchemaFolder) -> None:
    folder.draft("tenant.closed", 2, adds("note", ["null", "string"], default=None))
    folder.draft("tenant.closed", 3, adds("kind", "string", default="plain"))
    assert folder.run("generate") == 0
    closed = folder.events()["tenant.closed"](tenant_id=uuid4(), reason="requested", closed_at=datetime.now(UTC))  # type: ignore[call-arg]
    assert (closed.schema_version, closed.note, closed.kind) == (3, None, "plain")  # type: ignore[attr-defined]


def test_the_text_pleases_the_formatter(folder: SchemaFolder) -> None:
    everything = generate(project().schemas_folder)
    folder.keep_only("user.erased")  # one event, and one service: a tuple of one is written otherwise
    for path, text in [*everything.items(), *generate(folder.root).items()]:
        command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", path.name, "-"]
        formatted = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
        assert formatted.stdout.decode() == text, path.name
