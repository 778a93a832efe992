"""The storm: runs the whole system under load while its processes are killed, frozen, disconnected
and restarted, its disk is slow, its clocks jump and its read models are rebuilt; then checks every
promise.

    seed ─► schedule ─► chaos ──┐
                                ├──► system ──► quiescence ──► sources ──► promises ──► report
    seed ─► journeys ─► load ───┘                                 ▲
                          └───────► operation log ────────────────┘

`system` runs the parts of infra.stack, with a proxy in each of their links; the operation log is
fsynced before and after each call. Load and checker share only that log on disk: the checker reads
the log, the three databases, the topics, and the records of the provider and the mailbox. The seed
determines the faults and the journeys, but not the instruction at which a kill happens.

With `--from` an older release is replaced instead, under the same load (`rolling_upgrade`). Further
checks then read what its callers saw and which processes ended.

It cannot detect
* loss of a disk or of power: the kernel keeps the writes of a killed process;
* faults of several instances of one process: no rebalance between living members, no frozen owner
  that resumes beside its successor (`test_relay_frozen`, `test_consumer_stale_owner`), no second
  relay;
* a slow network, or a clock of PostgreSQL, Kafka or a simulator that is wrong;
* effects after hours: retention, expired keys of the provider, the steps of the dunning;
* features without a journey: erasure, password resets, subscriptions, reports, operator commands;
* limits (I8) and traces (I9);
* the order in which a handler processed two events of one aggregate: it sees their order on the
  topic, the version of each guard, and the effects.
"""
