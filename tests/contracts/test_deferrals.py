"""Behaviour of every store of deferrals, as a consumer needs it."""

from tests.contracts.services import ServiceUnderTest, in_memory, on_postgres, service
from tests.contracts.test_dead_letters import ANN, BOB, TOPIC, dead_letter
from waypost.kernel.ids import EventId, TenantId, new_id
from waypost.ports.dead_letters import DeadLetterStatus
from waypost.ports.deferrals import Deferral, KeyLoad
from waypost.ports.inbox import InboxEntry
from waypost.ports.subscription import Partition

__all__ = ["in_memory", "on_postgres", "service"]

PARTITION, OTHER = Partition(TOPIC, 3), Partition(TOPIC, 4)
TENANT = TenantId(new_id())


def deferral(from_offset: int, partition: Partition = PARTITION) -> Deferral:
    return Deferral(partition, from_offset, TENANT)


async def test_deferral_begins_at_its_lowest_offset(service: ServiceUnderTest) -> None:
    transactions = service.transactions("club.readers")
    async with transactions.begin(()) as transaction:
        await transaction.parked_keys.park(TOPIC, [ANN.key, BOB.key])
        assert await transaction.deferrals.find(ANN) is None
        await transaction.deferrals.defer({ANN.key: deferral(7)})
        await transaction.deferrals.defer({ANN.key: deferral(9), BOB.key: deferral(5)})
    async with transactions.begin(()) as transaction:
        assert (await transaction.deferrals.find(ANN), await transaction.deferrals.find(BOB)) == (
            deferral(7),
            deferral(5),
        )
        await transaction.deferrals.defer({ANN.key: deferral(6)})
        assert await transaction.deferrals.find(ANN) == deferral(6)
    async with service.transactions("club.writers").begin(()) as transaction:
        await transaction.parked_keys.park(TOPIC, [ANN.key])
        assert await transaction.deferrals.find(ANN) is None


async def test_deferral_advances_and_ends(service: ServiceUnderTest) -> None:
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.parked_keys.park(TOPIC, [ANN.key])
        await transaction.deferrals.defer({ANN.key: deferral(7)})
        await transaction.deferrals.advance(ANN, 9)
        assert await transaction.deferrals.find(ANN) == deferral(9)
        await transaction.deferrals.advance(ANN, None)
        assert await transaction.deferrals.find(ANN) is None


async def test_key_with_records_on_the_topic_stays_parked(service: ServiceUnderTest) -> None:
    """A worker of an earlier release does not know of them."""
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.parked_keys.park(TOPIC, [ANN.key])
        await transaction.deferrals.defer({ANN.key: deferral(7)})
        await transaction.parked_keys.unpark(ANN)
        assert await transaction.deferrals.find(ANN) == deferral(7)
        assert await transaction.parked_keys.due(9) == []
        assert await transaction.parked_keys.due_in() is not None
        await transaction.deferrals.advance(ANN, None)
        await transaction.parked_keys.unpark(ANN)
        assert await transaction.parked_keys.parked(TOPIC, [ANN.key]) == frozenset()


async def test_partition_that_is_read_again_restarts_its_deferrals(service: ServiceUnderTest) -> None:
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.parked_keys.park(TOPIC, [ANN.key, BOB.key, b"eve"])
        await transaction.deferrals.defer({ANN.key: deferral(7), BOB.key: deferral(5, OTHER)})
        await transaction.deferrals.restart(PARTITION)
        loads = await transaction.deferrals.loads(TOPIC, [ANN.key, BOB.key, b"eve", b"unknown"], 10)
    assert {key: load.from_offset for key, load in loads.items()} == {ANN.key: 0, BOB.key: 5, b"eve": None}


async def test_open_dead_letters_of_keys_and_tenants_are_counted_up_to_a_limit(service: ServiceUnderTest) -> None:
    letters = [
        *(dead_letter(ANN, sequence, tenant_id=TENANT) for sequence in range(1, 5)),
        dead_letter(ANN, 5, DeadLetterStatus.REDRIVEN, tenant_id=TENANT),
        dead_letter(BOB, 1, DeadLetterStatus.DEAD, tenant_id=TENANT),
    ]
    async with service.transactions("club.readers").begin(()) as transaction:
        await transaction.parked_keys.park(TOPIC, [ANN.key, BOB.key])
        await transaction.dead_letters.insert(letters)
        assert await transaction.deferrals.loads(TOPIC, [ANN.key, BOB.key], 3) == {
            ANN.key: KeyLoad(dead_letters=3, from_offset=None),
            BOB.key: KeyLoad(dead_letters=1, from_offset=None),
        }
        stranger = TenantId(new_id())
        assert await transaction.deferrals.tenant_loads([TENANT, stranger], 9) == {TENANT: 5, stranger: 0}
        assert await transaction.deferrals.tenant_loads([TENANT], 2) == {TENANT: 2}


async def test_released_event_can_be_claimed_again(service: ServiceUnderTest) -> None:
    entry = InboxEntry(event_id=EventId(new_id()), tenant_id=TENANT, offset=1)
    transactions = service.transactions("club.readers")
    async with transactions.begin(()) as transaction:
        await transaction.inbox.claim(PARTITION, [entry])
        await transaction.inbox.release([entry.event_id])
    async with transactions.begin(()) as transaction:
        assert await transaction.inbox.claim(PARTITION, [entry]) == {entry.event_id}
