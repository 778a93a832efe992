"""The storm waits for every partition of a consumer."""

from aiokafka import TopicPartition

from tests.faults.storm.quiescence import records_behind


def test_a_partition_that_is_behind_is_not_hidden_by_the_next_one() -> None:
    first, second = TopicPartition("users.tenant", 0), TopicPartition("users.tenant", 1)
    stands = {("users.tenants", first): 1, ("users.tenants", second): 4, ("billing.tenants", first): 3}
    assert records_behind(stands, {first: 3, second: 4}) == {
        "users.tenants: records behind": 2,
        "billing.tenants: records behind": 0,
    }
