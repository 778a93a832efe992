"""Many requests that wait cause one query at a time."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from waypost.kernel.errors import Transient
from waypost.web.shared_reads import AT_ONCE, SharedReads


class Table:
    """Answers when the test permits it."""

    def __init__(self) -> None:
        self.rows: dict[int, str] = {}
        self.queries: list[set[int]] = []
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()
        self.failure: Exception | None = None
        self.running = 0

    async def read(self, keys: Collection[int]) -> Mapping[int, str]:
        self.queries.append(set(keys))
        seen = {key: self.rows[key] for key in keys if key in self.rows}
        self.running += 1
        assert self.running == 1
        try:
            self.begun.set()
            await self.go_on.wait()
            if self.failure is not None:
                raise self.failure
            return seen
        finally:
            self.running -= 1


def reads(table: Table) -> SharedReads[int, str]:
    return SharedReads(table.read, interval_seconds=0)


async def test_readers_share_a_query_and_none_gets_an_answer_from_before_its_call() -> None:
    table = Table()
    shared = reads(table)
    table.go_on.clear()
    first = asyncio.create_task(shared.read([1]))
    await table.begun.wait()
    table.rows = {1: "one", 2: "two"}  # the running query does not see them
    others = [asyncio.create_task(shared.read([1, 2, 3])) for _ in range(100)]
    await asyncio.sleep(0)
    others[0].cancel()
    table.go_on.set()
    assert await first == {}
    assert await asyncio.gather(*others[1:]) == [{1: "one", 2: "two"}] * 99
    assert table.queries == [{1}, {1, 2, 3}]


async def test_no_key_needs_no_query() -> None:
    table = Table()
    assert await reads(table).read([]) == {}
    assert table.queries == []


async def test_an_outage_is_an_empty_answer_and_another_error_is_raised() -> None:
    table = Table()
    table.rows, table.failure = {1: "one"}, Transient("the database is away")
    shared = reads(table)
    assert await shared.read([1]) == {}
    table.failure = RuntimeError("of a test")
    with pytest.raises(RuntimeError):
        await shared.read([1])
    table.failure = None
    assert await shared.read([1]) == {1: "one"}


async def test_a_query_has_a_bound() -> None:
    table = Table()
    table.rows = dict.fromkeys(range(2 * AT_ONCE + 1), "row")
    assert await reads(table).read(range(2 * AT_ONCE + 1)) == table.rows
    assert [len(query) for query in table.queries] == [AT_ONCE, AT_ONCE, 1]
