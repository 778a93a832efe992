"""Collects the evidence from each part's own records. Nothing here asks a service."""

from pathlib import Path

from tests.faults.storm.evidence import Evidence, Settled
from tests.faults.storm.operations import operations_in
from tests.faults.storm.sources.databases import stored
from tests.faults.storm.sources.external_systems import charges, mails
from tests.faults.storm.sources.read_models import rebuilt
from tests.faults.storm.sources.topics import records
from tests.faults.storm.system import System


async def gather(system: System, log: Path, settled: Settled) -> Evidence:
    """Call it once the system is idle."""
    return Evidence(
        operations=operations_in(log),
        records=await records(system.addresses.kafka_bootstrap),
        refilled_topics=frozenset(system.refilled_topics),
        charges=await charges(system.addresses),
        mails=await mails(system.addresses),
        rebuilt=await rebuilt(system.environments),
        settled=settled,
        **await stored(system.environments),
    )


__all__ = ["gather"]
