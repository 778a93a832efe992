"""From an outbox row to a record on its topic: at least once, each aggregate's versions in order,
whatever dies meanwhile.

    row ── heads ──► chunk ── send ──► acknowledged ── delete ──► gone
                     (read ahead while the one before is sent, and the one before that is deleted)

`Relay` lives as long as its process and goes from term to term. A `Term` is one lease on shards and
one producer: it ends at the first error and forgets everything it had in hand; the rows are still
there, and the next term, here or in another relay, reads them again.
"""

from waypost.engine.relay.relay import Relay

__all__ = ["Relay"]
