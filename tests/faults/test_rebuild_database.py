"""The database server crashes during a rebuild, and loses commits that do not wait for the disk."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.fixtures.club.stage import staged
from tests.fixtures.club.tables import MEMBERS
from tests.integration.consumer.rebuilds import shadow_factory
from waypost.engine.rebuild import rebuild_async_projection
from waypost.engine.rebuild.shadow_writer import ShadowIncomplete
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.kernel.envelope import Envelope
from waypost.ports.consumers import AsyncProjection
from waypost.testing.database import Databases, Templates, connected
from waypost.testing.eventually import eventually
from waypost.testing.postgres import DatabaseServer


async def test_a_rebuild_without_its_lost_rows_is_refused(
    own_postgres: DatabaseServer, kafka: str, tmp_path: Path
) -> None:
    """The first partition is finished when the server crashes; only the second is written again."""
    async with connected(own_postgres.admin_dsn) as admin:
        await admin.execute("alter system set wal_writer_delay = '10s'")  # else it flushes five times a second
        await admin.execute("select pg_reload_conf()")
        databases = Databases(Templates(admin, own_postgres.admin_dsn))
        async with staged(kafka, databases, tmp_path, partitions=2) as stage:
            people = [stage.user() for _ in range(12)]
            await stage.topic.publish(*(event for person in people for event in person.tells("told")))
            async with stage.consuming(stage.club.members):

                async def all_processed() -> bool:
                    return await stage.rows("select sum(next_offset)::int from consumer_offsets") == [(12,)]

                await eventually(all_processed)
            await stage.rows("update members set names = array['kept'] returning 1", *people)
            first_is_written = asyncio.Event()
            calls: list[int] = []

            async def write_names(events: Sequence[Envelope[Any]], rows: AsyncConnection) -> None:
                calls.append(len(events))
                if len(calls) == 1:  # a commit that waits for the disk, and with it the shadow's first positions
                    await stage.rows("update members set names = names returning 1", *people)
                elif len(calls) == 2:
                    await first_is_written.wait()
                    await own_postgres.stop_immediately()
                    await own_postgres.start()
                await stage.club.write_names(events, rows)

            projection = AsyncProjection("members", {stage.club.created: write_names}, tables=MEMBERS)
            logs = KafkaTopicLogs(kafka)

            with pytest.raises(ShadowIncomplete, match="run the rebuild again"):
                await rebuild_async_projection(
                    projection,
                    shadow_factory(stage),
                    logs,
                    stage.club.codec,
                    progress=lambda _: first_is_written.set(),
                )
            assert await stage.names(*people) == [["kept"]] * 12
            assert (await rebuild_async_projection(projection, shadow_factory(stage), logs, stage.club.codec)).swapped
            assert await stage.names(*people) == [["told"]] * 12
