"""The last records of a rebuild are processed in a bounded time: locks are held meanwhile."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from waypost.engine.rebuild import async_projection
from waypost.engine.rebuild.async_projection import _Rebuild
from waypost.kernel.errors import Transient
from waypost.ports.subscription import Partition

PARTITION = Partition("users.user", 0)


async def test_session_that_has_ended_ends_the_comparison_and_the_swap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch is retried without a limit, also on a connection that the server has closed."""
    monkeypatch.setattr(async_projection, "REST_SECONDS", 0.01)

    async def rest(_: Any) -> dict[Partition, list[str]]:
        return {PARTITION: ["record"]}

    async def retried_without_end(*_: Any) -> None:
        await asyncio.Event().wait()

    writer: Any = SimpleNamespace(refuse_losses=lambda _: None, topic_ids={}, write=retried_without_end)
    catch_up: Any = SimpleNamespace(ahead=SimpleNamespace(rest=rest))
    transaction: Any = SimpleNamespace(live={}, shadow={}, transactions=None)
    unused: Any = None
    rebuild = _Rebuild(unused, writer, unused, catch_up, unused)
    async with asyncio.timeout(10):
        with pytest.raises(Transient, match="not processed within"):
            await rebuild._process_rest(transaction)


async def test_each_round_looks_at_keys_that_wait_for_a_version() -> None:
    """The version may have been written by another process, without the order guard."""
    calls: list[str] = []

    def noted(name: str, result: Any = None) -> Any:
        async def note(*_: Any) -> Any:
            calls.append(name)
            return result

        return note

    shadow: Any = SimpleNamespace(operator_decisions=noted("decisions"), live=noted("live", {}))
    writer: Any = SimpleNamespace(
        next_offsets={}, end_pauses=noted("end_pauses"), process_parked=noted("process_parked")
    )
    catch_up: Any = SimpleNamespace(up_to=noted("up_to"), ahead=SimpleNamespace(fill=noted("fill")), transactions=None)
    followed: Any = SimpleNamespace(update=lambda *_: None)
    counter: Any = SimpleNamespace(aim=lambda _: None)
    await _Rebuild(shadow, writer, followed, catch_up, counter).catch_up()
    assert calls == ["decisions", "live", "up_to", "end_pauses", "process_parked", "fill"]
