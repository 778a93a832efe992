"""From an outbox row to a record on its topic: at least once, each aggregate's versions in order,
also across crashes.

    row ── read ──► chunk ── send ──► acknowledged ── delete ──► gone
                     (chunks are read and built while earlier ones are sent and deleted)

A chunk contains rows of one partition. Chunks of a partition are sent in their order; partitions do
not wait for each other. One that accepts no records is held back, and its rows stay stored.

`Relay` lives as long as its process and runs one term after the other. A `Term` is one lease on
shards and one producer. It ends when it loses one of them, and drops its chunks; the rows are still
stored, and the next term, here or in another relay, reads them again.
"""

from waypost.engine.relay.relay import Relay

__all__ = ["Relay"]
