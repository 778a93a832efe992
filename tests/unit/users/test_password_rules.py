"""Passwords that are refused because they are guessed first."""

import pytest

from services.users.adapters.common_passwords import common_passwords, is_common
from services.users.domain.password_rules import PasswordTooCommon, refuse_easy

WORDS = ["ada.lovelace@engines.example", "Analytical Engines Ltd"]


@pytest.mark.parametrize(
    "password",
    [
        "1234567890",
        "aaaaaaaaaa",
        "          ",
        "password12",
        "Password123!",
        "12qwertyuiop",
        "ababababababab",
        "ｐａｓｓｗｏｒｄ１２",
        "ada.lovelace@engines.example",
        "AdaLovelace1815",
        "2026-ada.lovelace!",
        "analyticalenginesltd",
        "Analytical Engines Ltd 1",
    ],
)
def test_common_and_known_passwords_are_refused(password: str) -> None:
    with pytest.raises(PasswordTooCommon):
        refuse_easy(password, is_common, WORDS)


@pytest.mark.parametrize("password", ["correct horse battery staple", "x7#Lq2v!Rt", "lovelace wrote the first program"])
def test_other_passwords_are_accepted(password: str) -> None:
    refuse_easy(password, is_common, WORDS)


def test_the_ten_thousand_commonest_are_refused() -> None:
    assert len(common_passwords()) >= 10_000
    long_enough = [password for password in common_passwords() if len(password) >= 10]
    assert len(long_enough) > 1_000
    for password in long_enough:
        with pytest.raises(PasswordTooCommon):
            refuse_easy(password.upper(), is_common)
