"""From an outbox row to a record on its topic: at least once, each aggregate's versions in order,
also across crashes.

    row ── read ──► chunk ── send ──► acknowledged ── delete ──► gone
                     (a chunk is read while the one before is sent and the one before that deleted)

`Relay` lives as long as its process and runs one term after the other. A `Term` is one lease on
shards and one producer. It ends at the first error and drops its chunks; the rows are still stored,
and the next term, here or in another relay, reads them again.
"""

from waypost.engine.relay.relay import Relay

__all__ = ["Relay"]
