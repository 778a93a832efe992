"""Errors of the cluster about the settings of an existing topic."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import RequestTimedOutError, TopicAuthorizationFailedError

from waypost.kafka import topic_creation
from waypost.kafka.topic_creation import PartitionsChanged, ensure_topics
from waypost.kernel.topic import Topic

DECLARED = Topic(name="users.user", purpose="people", partitions=12, replication=1, configuration={})


class Admin:
    """A cluster with the topic, with two partitions, which answers for its settings with a code."""

    code = 0

    def __init__(self, **_: object) -> None: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def describe_topics(self) -> Sequence[dict[str, Any]]:
        return [{"topic": DECLARED.name, "partitions": [{"replicas": [1]}] * 2}]

    async def describe_configs(self, resources: Sequence[Any]) -> Sequence[Any]:
        entries = [] if self.code else [("min.insync.replicas", "1")]
        return [SimpleNamespace(resources=[(self.code, "", 2, each.name, entries) for each in resources])]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (0, PartitionsChanged),
        (RequestTimedOutError.errno, RequestTimedOutError),
        (TopicAuthorizationFailedError.errno, TopicAuthorizationFailedError),
    ],
)
async def test_unknown_settings_do_not_hide_changed_partitions(
    code: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_creation, "AIOKafkaAdminClient", Admin)
    monkeypatch.setattr(Admin, "code", code)
    with pytest.raises(error):
        await ensure_topics("", [DECLARED])
