"""Password hashing beside the event loop, with bounded concurrency."""

import asyncio

from services.users.adapters.passwords import Argon2Passwords
from waypost.kernel.errors import Unavailable


async def test_a_password_matches_only_its_own_hash() -> None:
    passwords = Argon2Passwords(threads=1, queue=4)
    hashed = await passwords.hash("correct horse")
    assert hashed.startswith("$argon2id$")
    assert await passwords.matches("correct horse", hashed)
    assert not await passwords.matches("battery staple", hashed)
    assert not await passwords.matches("correct horse", None)
    assert not await passwords.matches("correct horse", "no hash at all")


async def test_hashing_beyond_the_queue_is_refused_until_the_queue_is_shorter() -> None:
    passwords = Argon2Passwords(threads=1, queue=1)
    answers = await asyncio.gather(*(passwords.hash("correct horse") for _ in range(5)), return_exceptions=True)
    assert [isinstance(answer, Unavailable) for answer in answers] == [False, False, True, True, True]
    assert await passwords.hash("correct horse")
