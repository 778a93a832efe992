"""A declared topic keeps acknowledged records on more than one broker where there are several."""

import pytest

from waypost.kernel.errors import Misconfigured
from waypost.kernel.topic import Topic


def topic(replication: int, min_insync_replicas: str | None) -> Topic:
    configuration = {} if min_insync_replicas is None else {"min.insync.replicas": min_insync_replicas}
    return Topic(
        name="users.user", purpose="people", partitions=8, replication=replication, configuration=configuration
    )


@pytest.mark.parametrize(
    ("replication", "min_insync_replicas", "copies"), [(1, None, 1), (1, "1", 1), (2, "2", 2), (3, "2", 2), (3, "3", 3)]
)
def test_a_safe_declaration_is_accepted(replication: int, min_insync_replicas: str | None, copies: int) -> None:
    assert topic(replication, min_insync_replicas).min_insync_replicas == copies


@pytest.mark.parametrize("min_insync_replicas", [None, "1"])
@pytest.mark.parametrize("replication", [2, 3])
def test_an_acknowledgement_by_one_of_several_brokers_is_refused(
    replication: int, min_insync_replicas: str | None
) -> None:
    with pytest.raises(Misconfigured, match=r"on one disk only.*set min.insync.replicas to \"2\" in topics.yaml"):
        topic(replication, min_insync_replicas)


def test_min_insync_replicas_above_the_replication_are_refused() -> None:
    with pytest.raises(Misconfigured, match=r"users.user declares replication 1 and .* 2: no record could be ack"):
        topic(1, "2")


@pytest.mark.parametrize("value", ["two", ""])
def test_min_insync_replicas_that_is_not_a_number_is_refused(value: str) -> None:
    with pytest.raises(Misconfigured, match=r"users.user declares min.insync.replicas '.*': write a number"):
        topic(3, value)
