"""The handler that updates columns of aggregates: of one row, or of several by one statement."""

from typing import Any

import pytest

from tests.fixtures.club import Stage
from tests.fixtures.club.tables import members
from waypost.engine.projections import changes, project
from waypost.postgres.connection_pool import TransactionConnection

RENAME = changes(members, members.c.user_id, lambda event: {"names": [event.display_name, '{"']})


@pytest.mark.parametrize("number", [1, 3])
async def test_rows_get_the_last_values(stage: Stage, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    people, other = [stage.user() for _ in range(number)], stage.user()
    handlers = {stage.club.created: stage.club.write_names, stage.club.updated: RENAME}
    created = [event for person in (*people, other) for event in person.tells("first")]
    renamed = [event for name in ("second", "third") for person in people for event in person.tells(name)]
    executed: list[Any] = []
    execute = TransactionConnection.execute

    async def counted(self: TransactionConnection, statement: Any, *arguments: Any, **options: Any) -> Any:
        executed.append(statement)
        return await execute(self, statement, *arguments, **options)

    async with stage.pool.transaction({person.tenant_id for person in (*people, other)}) as connection:
        await project(created, handlers, connection)
        with monkeypatch.context() as counting:
            counting.setattr(TransactionConnection, "execute", counted)
            await project(renamed, handlers, connection)

    assert len(executed) == 1
    assert await stage.names(*people, other) == [["third", '{"']] * number + [["first"]]
