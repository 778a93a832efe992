"""Hashing beside the event loop, a bounded number at a time."""

import asyncio

from services.users.adapters.passwords import Argon2Passwords
from waypost.kernel.errors import Unavailable


async def test_a_password_matches_its_own_hash_alone() -> None:
    passwords = Argon2Passwords(threads=1, queue=4)
    hashed = await passwords.hash("correct horse")
    assert hashed.startswith("$argon2id$")
    assert await passwords.matches("correct horse", hashed)
    assert not await passwords.matches("battery staple", hashed)
    assert not await passwords.matches("correct horse", None)
    assert not await passwords.matches("correct horse", "no hash at all")


async def test_beyond_its_room_it_says_try_later_and_recovers() -> None:
    passwords = Argon2Passwords(threads=1, queue=1)
    answers = await asyncio.gather(*(passwords.hash("correct horse") for _ in range(5)), return_exceptions=True)
    assert [isinstance(answer, Unavailable) for answer in answers] == [False, False, True, True, True]
    assert await passwords.hash("correct horse")
