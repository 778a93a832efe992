"""The storm: the whole system under load while its processes are killed, frozen and restarted, then every promise checked.

    seed ─► schedule ─► chaos ──┐
                                ├──► system (infra.stack's parts) ──► settling ──► evidence ──► promises ──► report
    seed ─► journeys ─► load ───┘                                                      ▲
                          └───────► operation log (fsynced before and after each call) ┘

Load and checker share nothing but the log on disk: what the checker knows it has read from the log, the three databases, the topics, the
provider's and the mailbox's own records. `python -m tests.faults.storm --help`.
"""
