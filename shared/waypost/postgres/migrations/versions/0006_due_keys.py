"""The time at which a parked key is due, so that retries need not look at the others; an index of
the dead jobs, for their count.
"""

from waypost.postgres.migration import execute_statements

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    execute_statements(
        # Keys of the earlier release are due at once: their first turn sets the time.
        "alter table parked_keys add column due_at timestamptz not null default now(), add column waits boolean not null default false",
        "create index parked_keys_due on parked_keys (consumer, waits, due_at)",
        "drop index dead_letters_due",
        """
        create index dead_letters_open_of_key on dead_letters (consumer, topic, key_digest, sequence, kafka_offset)
            where status in ('retrying', 'dead', 'waiting')""",
        "create index jobs_dead_by_name on jobs (name) where status = 'dead'",
    )
