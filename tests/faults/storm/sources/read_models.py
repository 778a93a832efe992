"""Compares every read model with one rebuilt from its topic, or from its service's events."""

from infra.stack.environment import Environments
from tests.faults.storm.sources.databases import SERVICES
from waypost.engine.rebuild import RebuildReport, rebuild_async_projection, rebuild_inline_projection
from waypost.hosting.service import Service
from waypost.kafka.topic_log import KafkaTopicLogs
from waypost.ports.consumers import AsyncProjection, InlineProjection
from waypost.postgres.rebuild.inline_shadow import PostgresInlineShadowFactory
from waypost.postgres.rebuild.shadow import PostgresShadowFactory


async def rebuilt(environments: Environments) -> dict[str, bool]:
    """True for each read model that is equal, row for row; nothing is swapped."""
    found: dict[str, bool] = {}
    for service in SERVICES:
        projectors = [consumer for consumer in service.consumers if isinstance(consumer, AsyncProjection)]
        targets: list[AsyncProjection | InlineProjection] = [*projectors, *service.projections]
        for target in targets:
            report = await _rehearsed(service, target, environments)
            found[f"{service.name}.{target.name}"] = all(
                comparison.equal for comparison in report.comparison.comparisons
            )
    return found


async def _rehearsed(
    service: Service, target: AsyncProjection | InlineProjection, environments: Environments
) -> RebuildReport:
    environment = environments.command(service.name)
    owner_dsn = environment["WAYPOST_OWNER_DSN"]
    if isinstance(target, InlineProjection):
        inline_shadow_factory = PostgresInlineShadowFactory(service.name, target, service.codec, owner_dsn=owner_dsn)
        return await rebuild_inline_projection(target, inline_shadow_factory, dry_run=True)
    shadow_factory = PostgresShadowFactory(
        service.name, target, app_dsn=environment["WAYPOST_APP_DSN"], owner_dsn=owner_dsn
    )
    logs = KafkaTopicLogs(environment["WAYPOST_KAFKA_BOOTSTRAP"])
    return await rebuild_async_projection(target, shadow_factory, logs, service.codec, dry_run=True)
