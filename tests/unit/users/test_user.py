"""The state machine of a user."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from schemas.users import (
    EVENTS,
    UserCreated,
    UserEmailVerified,
    UserErased,
    UserPasswordChanged,
    UserPasswordResetRequested,
    UserProfileUpdated,
    UserReactivated,
    UserRoleChanged,
    UserSuspended,
    UserVerificationRequested,
)
from services.users.domain import Invitation, NotSuspended, SealedToken, User, UserIsErased, UserStatus
from services.users.domain.errors import TooManyProfileChanges
from services.users.domain.request_limits import (
    PASSWORD_LINK_PAUSE,
    PROFILE_CHANGES,
    VERIFICATION_LINKS,
    VERIFICATION_WINDOW,
)
from services.users.projections import PROJECTIONS
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
TOKEN = SealedToken(digest=b"digest", sealing_key_id="k1", sealed=b"sealed", expires_at=LATER)


@pytest.fixture
def user() -> User:
    return signed_up(Role.MEMBER)


def signed_up(role: Role) -> User:
    tenant_id = TenantId(uuid4())
    user = User.create(uuid4(), tenant_id, email="ada@example.com", display_name="Ada", role=role, locale="en", at=NOW)
    user.request_verification(TOKEN, NOW)
    return user


def kinds(user: User) -> list[type]:
    return [type(event) for event in user.recorded]


def test_a_new_user_is_created_and_asked_to_verify(user: User) -> None:
    assert kinds(user) == [UserCreated, UserVerificationRequested]
    assert (user.status, user.version, user.stored_version) == (UserStatus.UNVERIFIED, 2, 0)


def test_a_user_is_the_fold_of_its_events(user: User) -> None:
    user.verify_email(LATER)
    user.update_profile(LATER, display_name="Countess")
    user.change_role(Role.ADMIN, LATER)
    user.suspend("administrator", LATER)
    again = User.fold(user.id, user.tenant_id, user.recorded)
    state = _state(user)
    assert _state(again) == state
    assert state["display_name"] == "Countess"


def test_an_address_is_verified_once(user: User) -> None:
    user.verify_email(LATER)
    user.verify_email(LATER)
    assert kinds(user).count(UserEmailVerified) == 1
    assert user.status is UserStatus.ACTIVE


@pytest.mark.parametrize(
    ("role", "verified", "suspended", "may"),
    [
        (Role.MEMBER, False, False, False),
        (Role.MEMBER, True, False, True),
        (Role.MEMBER, True, True, False),
        (Role.ADMIN, False, False, False),
        (Role.OWNER, False, False, True),
        (Role.OWNER, False, True, False),
    ],
)
def test_the_status_decides_who_may_sign_in(role: Role, verified: bool, suspended: bool, may: bool) -> None:
    user = signed_up(role)
    if verified:
        user.verify_email(LATER)
    if suspended:
        user.suspend("administrator", LATER)
    assert user.may_sign_in is may


def test_a_profile_event_has_all_fields_and_needs_a_change(user: User) -> None:
    user.update_profile(LATER, display_name="Ada", locale="en")
    user.update_profile(LATER)
    assert kinds(user).count(UserProfileUpdated) == 0
    user.update_profile(LATER, locale="de-AT")
    assert user.recorded[-1] == UserProfileUpdated(
        tenant_id=user.tenant_id, user_id=user.id, display_name="Ada", locale="de-AT", updated_at=LATER
    )


def test_a_payment_ends_a_suspension_for_nonpayment_alone(user: User) -> None:
    user.suspend("nonpayment", LATER)
    user.reactivate_after_payment(LATER)
    assert kinds(user)[-1] is UserReactivated
    user.suspend("nonpayment", LATER)
    user.suspend("administrator", LATER)  # replaces the reason
    user.reactivate_after_payment(LATER)
    assert kinds(user)[-2:] == [UserSuspended, UserSuspended]


def test_a_second_suspension_records_nothing_and_reactivation_restores_the_status(user: User) -> None:
    user.suspend("administrator", LATER)
    user.suspend("administrator", LATER)
    user.suspend("nonpayment", LATER)
    assert kinds(user).count(UserSuspended) == 1
    user.reactivate(LATER)
    assert kinds(user)[-1] is UserReactivated
    assert user.status is UserStatus.UNVERIFIED
    with pytest.raises(NotSuspended):
        user.reactivate(LATER)


def test_a_role_change_needs_another_role(user: User) -> None:
    user.change_role(Role.MEMBER, LATER)
    assert UserRoleChanged not in kinds(user)
    user.change_role(Role.ADMIN, LATER)
    assert user.recorded[-1] == UserRoleChanged(
        tenant_id=user.tenant_id, user_id=user.id, role="admin", previous_role="member", changed_at=LATER
    )


def test_a_password_event_does_not_contain_the_password(user: User) -> None:
    user.change_password("changed", LATER)
    assert user.recorded[-1] == UserPasswordChanged(
        tenant_id=user.tenant_id, user_id=user.id, method="changed", changed_at=LATER
    )


def test_verification_links_are_limited_per_address(user: User) -> None:
    for _ in range(VERIFICATION_LINKS - 1):
        assert user.may_receive_verification_link(NOW)
        user.request_verification(TOKEN, NOW)
    assert not user.may_receive_verification_link(NOW + VERIFICATION_WINDOW - timedelta(microseconds=1))
    assert user.may_receive_verification_link(NOW + VERIFICATION_WINDOW)
    user.verify_email(LATER)
    assert not user.may_receive_verification_link(LATER + VERIFICATION_WINDOW)


def test_password_links_are_limited_and_need_an_active_user(user: User) -> None:
    assert user.may_receive_password_link(NOW)
    user.request_password_reset(TOKEN, NOW)
    assert isinstance(user.recorded[-1], UserPasswordResetRequested)
    assert not user.may_receive_password_link(NOW + PASSWORD_LINK_PAUSE - timedelta(microseconds=1))
    assert user.may_receive_password_link(NOW + PASSWORD_LINK_PAUSE)
    user.suspend("administrator", LATER)
    assert not user.may_receive_password_link(LATER + PASSWORD_LINK_PAUSE)


def test_erasure_is_the_last_event(user: User) -> None:
    for _ in range(2):
        user.erase(LATER)
    assert user.recorded[-1] == UserErased(tenant_id=user.tenant_id, user_id=user.id, erased_at=LATER)
    assert kinds(user).count(UserErased) == 1
    assert (user.status, user.email, user.display_name) == (UserStatus.ERASED, "", "")
    assert not user.may_sign_in
    assert not user.may_receive_password_link(LATER)
    assert not user.may_receive_verification_link(LATER + VERIFICATION_WINDOW)
    user.suspend("nonpayment", LATER)
    assert UserSuspended not in kinds(user)
    with pytest.raises(UserIsErased):
        user.require_present()


def test_each_event_of_a_user_is_applied() -> None:
    published = {kind for kind in EVENTS if kind.topic == "users.user"}
    assert set(PROJECTIONS[0].handlers) == published


def _state(user: User) -> dict[str, Any]:
    return {name: value for name, value in vars(user).items() if name != "_recorded"}


def test_a_profile_changes_fifty_times_a_day(user: User) -> None:
    for number in range(PROFILE_CHANGES):
        user.require_profile_change(NOW)
        user.update_profile(NOW + timedelta(minutes=number), display_name=f"Name {number}")
    with pytest.raises(TooManyProfileChanges) as refused:
        user.require_profile_change(NOW + timedelta(hours=23))
    assert refused.value.retry_after == timedelta(hours=1)
    user.require_profile_change(NOW + timedelta(days=1))


def test_an_invitation_that_an_earlier_release_stored_has_the_canonical_form() -> None:
    requested = Invitation.request(
        uuid4(), TenantId(uuid4()), email="ada@bücher.example", display_name="Ada", locale="en", approvers=(), at=NOW
    )
    assert requested.email == "ada@xn--bcher-kva.example"
    token = SealedToken(digest=b"digest", sealing_key_id="key", sealed=b"sealed", expires_at=NOW)
    requested.approve(uuid4(), token, NOW)
    requested.send(email="ada@straße.example", locale="en", role=Role.MEMBER, invited_by=uuid4(), token=token, at=NOW)
    assert requested.email == "ada@xn--strae-oqa.example"


def test_an_address_that_an_earlier_release_stored_has_the_canonical_form() -> None:
    user = User.create(
        uuid4(),
        TenantId(uuid4()),
        email="ada@bücher.example",
        display_name="Ada",
        role=Role.MEMBER,
        locale="en",
        at=NOW,
    )
    assert user.email == "ada@xn--bcher-kva.example"
    user.change_email("ada@straße.example", NOW)
    assert user.email == "ada@xn--strae-oqa.example"
