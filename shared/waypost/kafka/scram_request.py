"""AlterUserScramCredentials request v0 (KIP-554), which aiokafka does not have."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

SHA_512 = 2
_NAME = CompactString("utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScramUser:
    name: str
    iterations: int
    salt: bytes
    salted_password: bytes = field(repr=False)


class AlterScramResponseV0(Response):  # type: ignore[misc]  # aiokafka is not annotated
    API_KEY = 51
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(("user", _NAME), ("error_code", Int16), ("error_message", _NAME), ("tags", TaggedFields)),
        ),
        ("tags", TaggedFields),
    )


class AlterScramRequestV0(RequestStruct):  # type: ignore[misc]  # aiokafka is not annotated
    FLEXIBLE_VERSION = True
    API_KEY = 51
    API_VERSION = 0
    RESPONSE_TYPE = AlterScramResponseV0
    SCHEMA = Schema(
        ("deletions", CompactArray(("name", _NAME), ("mechanism", Int8), ("tags", TaggedFields))),
        (
            "upsertions",
            CompactArray(
                ("name", _NAME),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class AlterScramRequest(Request[AlterScramRequestV0]):  # type: ignore[misc]  # aiokafka is not annotated
    """Creates or replaces SCRAM-SHA-512 users."""

    API_KEY = 51

    def __init__(self, users: Sequence[ScramUser]) -> None:
        self._users = users

    def build(self, request_struct_class: type[AlterScramRequestV0]) -> AlterScramRequestV0:
        upsertions: list[tuple[object, ...]] = [
            (user.name, SHA_512, user.iterations, user.salt, user.salted_password, {}) for user in self._users
        ]
        return request_struct_class([], upsertions, {})
