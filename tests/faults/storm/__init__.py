"""The storm: the whole system under load while its processes are killed, frozen and restarted, then
every promise checked.

    seed ─► schedule ─► chaos ──┐
                                ├──► system (infra.stack's parts) ──► settling ──► gathering ──► promises ──► report
    seed ─► journeys ─► load ───┘                                                      ▲
                          └───────► operation log (fsynced before and after each call) ┘

Load and checker share nothing but the log on disk: what the checker knows it has read from the log,
the three databases, the topics, the provider's and the mailbox's own records. The seed gives the
faults and the journeys; which instruction a kill meets is the machine's.

It cannot see
* a lost disk or power: a killed process leaves what it wrote to the kernel;
* several instances of one process: no rebalance between living members, no frozen owner that wakes
  beside its successor (`test_relay_frozen`, `test_consumer_zombie`), no second relay; and no cut in
  the network, slow line or wrong clock;
* what comes hours later: retention, forgotten keys of the provider, the steps of the dunning;
* what the journeys leave out: erasure, password resets, subscriptions, reports; operators' verbs;
* caps (I8) and traces (I9);
* the order in which a handler met two events of one aggregate: it sees their order on the topic,
  how far each guard came, and the effects.
"""
