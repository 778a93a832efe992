"""Discards of all dead letters that match a search."""

import pytest

from tests.fixtures.club import Stage, User
from tests.fixtures.club.declaration import no_trouble
from tests.fixtures.operators import AUDIT
from waypost.engine.operator_rate import OperatorRate
from waypost.kernel.errors import Invalid
from waypost.operations.admin_service import AdminService
from waypost.operations.dead_letters import Discard
from waypost.ports.dead_letters import DeadLetterStatus
from waypost.postgres.audit import operator_actions
from waypost.postgres.dead_letters.search import Search
from waypost.testing.eventually import eventually


async def test_all_matching_dead_letters_are_discarded(stage: Stage, admin_service: AdminService, bob: User) -> None:
    for _ in range(3):
        await stage.topic.publish_raw(key=b"?", value=b"garbage")
    async with stage.consuming(stage.club.greetings):
        await eventually(lambda: stage.reached(6, consumers=1))
    garbage = Search(error_class="MalformedHeaders")
    dry_run = await Discard.of(admin_service, garbage)
    assert [each.outcome async for each in dry_run.process(None, OperatorRate())] == [None] * 3
    assert (dry_run.left, await operator_actions(admin_service.ops)) == (0, [])
    some = await Discard.of(admin_service, garbage, at_most=2)
    assert [each.is_settled async for each in some.process(AUDIT, OperatorRate())] == [True] * 2
    assert (some.matching, some.left, len(await operator_actions(admin_service.ops))) == (3, 1, 2)
    rest = await Discard.of(admin_service, Search())
    stage.club.trouble = no_trouble
    assert [len(each.dead_letters) async for each in rest.process(AUDIT, OperatorRate())] == [3, 1]
    assert (rest.left, await stage.greeted(bob)) == (0, [[2, 3]])
    statuses = await stage.rows("select status, count(*) from dead_letters group by status order by status")
    assert statuses == [("discarded", 4), ("redriven", 2)]


async def test_a_discard_of_settled_ones_is_refused(admin_service: AdminService, bob: User) -> None:
    with pytest.raises(Invalid, match="status redriven are settled; a discard accepts retrying, dead, waiting"):
        await Discard.of(admin_service, Search(statuses=[DeadLetterStatus.REDRIVEN, DeadLetterStatus.DEAD]))
