"""A rebuild of the club's projection in a separate process, so that it can be killed: `python -m
…`, configured by CLUB.
"""

import asyncio
import json
import os

from tests.fixtures.club import club
from tests.fixtures.process_logs import log_plainly
from waypost.engine.failpoints import arm_failpoints
from waypost.engine.rebuild import rebuild_async_projection
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.postgres.rebuild import PostgresShadowFactory


async def main() -> None:
    given = json.loads(os.environ["CLUB"])
    own = club(given["topic"])
    shadow_factory = PostgresShadowFactory("club", own.members, app_dsn=given["app"], owner_dsn=given["owner"])
    await rebuild_async_projection(own.members, shadow_factory, KafkaTopicLogs(given["bootstrap"]), own.codec)


if __name__ == "__main__":
    log_plainly()
    arm_failpoints()
    asyncio.run(main())
