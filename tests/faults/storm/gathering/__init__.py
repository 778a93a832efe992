"""Evidence, from where it lies. Nothing here asks a service: each part's own records are read."""

from pathlib import Path

from tests.faults.storm.evidence import Evidence, Settled
from tests.faults.storm.gathering.outside import charges, mails
from tests.faults.storm.gathering.rebuilding import rebuilt
from tests.faults.storm.gathering.stores import stored
from tests.faults.storm.gathering.topics import records
from tests.faults.storm.operations import operations_in
from tests.faults.storm.system import System


async def gather(system: System, log: Path, settled: Settled) -> Evidence:
    """Called once the system has come to rest."""
    return Evidence(
        operations=operations_in(log),
        records=await records(system.addresses.kafka_bootstrap),
        charges=await charges(system.addresses),
        mails=await mails(system.addresses),
        rebuilt=await rebuilt(system.environments),
        settled=settled,
        **await stored(system.environments),
    )


__all__ = ["gather"]
