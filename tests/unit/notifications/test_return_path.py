"""Return paths of mails, and what a bounce says about an address."""

from uuid import uuid4

import pytest

from services.notifications.domain import Category
from services.notifications.domain.bounce import BounceKind, SuppressionReason, bounce_kind
from services.notifications.domain.return_path import ReturnPaths, SentMail, return_path_key
from waypost.kernel.ids import TenantId

KEY, PREVIOUS, OTHER = map(return_path_key, ("one", "two", "three"))
PATHS = ReturnPaths("Bounces.example.com", [KEY, PREVIOUS])
ADA = "ada@example.com"


def sent() -> SentMail:
    return SentMail(TenantId(uuid4()), uuid4())


def test_a_return_path_names_its_mail_in_any_case_and_form() -> None:
    mail = sent()
    path = PATHS.of(mail, ADA)
    local_part, _, domain = path.partition("@")
    assert (len(local_part), domain) == (63, "bounces.example.com")
    for form in (path, path.upper(), f"<{path}>", f" {path} "):
        assert PATHS.read(form, ADA) == mail
    assert PATHS.read(path, "ADA@Example.com") == mail
    assert PATHS.read(PATHS.of(mail, "ada@bücher.example"), "ada@xn--bcher-kva.example") == mail


def test_a_previous_key_is_read_and_another_one_is_not() -> None:
    mail = sent()
    assert PATHS.read(ReturnPaths("bounces.example.com", [PREVIOUS]).of(mail, ADA), ADA) == mail
    assert PATHS.read(ReturnPaths("bounces.example.com", [OTHER]).of(mail, ADA), ADA) is None


def test_a_token_is_valid_for_its_address_tenant_and_mail_only() -> None:
    mail = sent()
    path = PATHS.of(mail, ADA)
    assert PATHS.read(path, "grace@example.com") is None
    other = PATHS.of(sent(), ADA)
    for at in (0, 10, 40):  # the tenant's id, the notification's id, the digest
        forged = path[: 2 + at] + other[2 + at : 12 + at] + path[12 + at :]
        assert PATHS.read(forged, ADA) is None


@pytest.mark.parametrize("path", ["", "@", "b+", "b+@bounces.example.com", "x", "b+" + "a" * 5_000, "b+é@x", "b+1@"])
def test_any_other_text_names_no_mail(path: str) -> None:
    assert PATHS.read(path, ADA) is None
    assert PATHS.read(f"{path}@bounces.example.com", ADA) is None
    assert PATHS.read(PATHS.of(sent(), ADA).replace("bounces", "others"), ADA) is None
    assert PATHS.read(PATHS.of(sent(), ADA), "no address") is None
    assert PATHS.read(PATHS.of(sent(), ADA), "ada@\ud800") is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("5.1.1", BounceKind.HARD),
        ("5.1.2", BounceKind.HARD),
        ("5.1.3", BounceKind.HARD),
        ("5.1.6", BounceKind.HARD),
        ("5.1.10", BounceKind.HARD),
        ("5.2.1", BounceKind.SOFT),
        ("5.2.2", BounceKind.SOFT),
        ("4.2.2", BounceKind.SOFT),
        ("4.4.7", BounceKind.SOFT),
        ("5.4.4", BounceKind.SOFT),
        ("4.1.1", None),
        ("5.1.0", None),
        ("5.1.7", None),
        ("5.1.8", None),
        ("5.3.4", None),
        ("5.6.0", None),
        ("5.7.1", None),
        ("5.0.0", None),
        ("2.0.0", None),
        ("2.2.1", None),
        ("550", None),
        ("5.1.1 no such user", None),
        ("٥.1.1", None),
        ("", None),
    ],
)
def test_only_a_code_about_the_mailbox_is_a_bounce(status: str, kind: BounceKind | None) -> None:
    assert bounce_kind(status) is kind


def test_mails_about_the_security_of_an_account_are_blocked_by_an_unknown_mailbox_alone() -> None:
    assert [reason for reason in SuppressionReason if reason.blocks(Category.SECURITY)] == ["mailbox_unknown"]
    assert all(
        reason.blocks(category) for reason in SuppressionReason for category in Category if category != "security"
    )
