import pytest

from waypost.telemetry.names import REDACTED
from waypost.telemetry.redaction import clean, redact


@pytest.mark.parametrize(
    "name",
    [
        "email",
        "owner_email",
        "token",
        "refresh_token",
        "password",
        "card_number",
        "Authorization",
        "app_dsn",
        "client-secret",
    ],
)
def test_a_sensitive_name_hides_its_value(name: str) -> None:
    assert redact(None, "info", {name: "anything"}) == {name: REDACTED}
    assert redact(None, "info", {"body": {name: "anything"}}) == {"body": {name: REDACTED}}


@pytest.mark.parametrize("name", ["discarded", "event", "tokenizer", "company", "topic", "shard"])
def test_other_names_show_theirs(name: str) -> None:
    assert redact(None, "info", {name: "anything"}) == {name: "anything"}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Key (email)=(ada.lovelace+x@mail.example.org) already exists", f"Key (email)=({REDACTED}) already exists"),
        (
            "connect postgresql://app:hunter2@db:5432/users failed",
            f"connect postgresql://{REDACTED}@db:5432/users failed",
        ),
        ("token eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln was refused", f"token {REDACTED} was refused"),
        ("card 4242 4242 4242 4242 was declined", f"card {REDACTED} was declined"),
        ("card 4242424242424242", f"card {REDACTED}"),
        (
            "duplicate key\nDETAIL:  Key (name)=(Ada (Lovelace)) already exists.\n[SQL: insert]",
            f"duplicate key\nDETAIL:  {REDACTED}\n[SQL: insert]",
        ),
        (
            repr(ValueError("failed\nDETAIL:  Failing row contains (1, Ada Lovelace).\nHINT: none")),
            f"ValueError('failed\\nDETAIL:  {REDACTED}\\nHINT: none')",
        ),
        (
            "failed\nDETAIL:  Failing row contains (1, Ada\nLovelace, 7).\nCONTEXT:  COPY\nDETAIL:  (Ada\nKing)",
            f"failed\nDETAIL:  {REDACTED}\nCONTEXT:  COPY\nDETAIL:  {REDACTED}",
        ),
        (
            "failed\nDETAIL:  (Ada\nLovelace)\n\nThe above exception was the direct cause of the following exception:",
            f"failed\nDETAIL:  {REDACTED}\n\nThe above exception was the direct cause of the following exception:",
        ),
    ],
)
def test_a_secret_in_prose_is_cut_out(text: str, left: str) -> None:
    assert clean(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "01a21101-dcaa-74e8-9ed9-f5f28d15b5b1",
        "2026-11-25T04:41:06Z",
        "offset 12345",
        "took 1.0123456789012345 s",
        "a @ b",
        "/invoices/{id}/lines",
    ],
)
def test_ids_times_and_numbers_stay(text: str) -> None:
    assert clean(text) == text
