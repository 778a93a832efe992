"""Bodies of another shape for the links of mails."""

import json
from typing import Any

import pytest

from tests.integration.users.service import PASSWORD, UsersService
from tests.integration.users.test_bad_input import (
    BAD_TOKENS,
    NEVER_A_PASSWORD,
    NO_PASSWORD,
    NO_SHAPE,
    is_problem,
)

BAD_CONFIRMATIONS = [
    *NO_SHAPE,
    {"token": "A" * 64},
    *({"token": "A" * 64, "password": password} for password in NEVER_A_PASSWORD),
    *({**token, "password": PASSWORD} for token in BAD_TOKENS if isinstance(token, dict)),
]
BAD_VERIFICATIONS = [
    *BAD_CONFIRMATIONS,
    {"token": "A" * 64, "password": PASSWORD, "new_password": PASSWORD},
    *({"token": "A" * 64, "new_password": password} for password in NO_PASSWORD),
]


@pytest.mark.parametrize(
    ("path", "bodies"),
    [
        ("/verify", BAD_VERIFICATIONS),
        ("/verify/decline", BAD_TOKENS),
        ("/email/confirm", BAD_CONFIRMATIONS),
        ("/email/decline", BAD_TOKENS),
    ],
)
async def test_a_body_of_another_shape_is_refused(users: UsersService, path: str, bodies: list[Any]) -> None:
    for body in bodies:
        # Escaped, because a lone surrogate cannot be encoded otherwise.
        answer = await users.http.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
        assert is_problem(answer, 422), body
