"""Statements about the time at which parked keys are due. Each reads a few index entries,
independent of the number of parked keys and dead letters.
"""

from waypost.postgres.dead_letters.rows import IN_KEY_ORDER, IS_OPEN

DIGESTS = "array(select sha256(wanted) from unnest($3::bytea[]) as wanted)"
"""The digests of the keys `$3`, which the indexes hold."""

FIRST_LOOK = "interval '1 minute'"
"""Longer than every transaction of the application's role (`transaction_timeout`). A consumer that
handles the missing version without seeing the parked row, because both transactions ran at the same
time, has ended by then.
"""

_LAST_LOOK = "interval '1 day'"

# A key whose first dead letter is dead is looked at each day: a process of a release that does not
# know the column may have changed the dead letter. A parked key has at least one row, also if no
# dead letter is left.
_SCHEDULE = f"""
update parked_keys parked set (due_at, waits) = (
    select case when first.status = 'dead' then now() + {_LAST_LOOK} else coalesce(first.next_attempt_at, now()) end,
           first.status is not distinct from 'dead' or coalesce(first.awaits_topic, false)
    from (select) as always left join lateral (
        select status, next_attempt_at, awaits_topic from dead_letters own
        where own.consumer = parked.consumer and own.topic = parked.topic and own.key_digest = parked.key_digest
          and {IS_OPEN} and {IN_KEY_ORDER}
        order by sequence, kafka_offset limit 1
    ) first on true
)
where consumer = $1"""

SCHEDULE_KEYS = f"{_SCHEDULE} and topic = $2 and key_digest = any ({DIGESTS})"
SCHEDULE_KEY_OF = f"{_SCHEDULE} and (topic, key_digest) = (select topic, key_digest from dead_letters where id = $2)"

AWAIT_VERSION = f"""
update parked_keys
set due_at = now() + least(greatest(now() - parked_at, {FIRST_LOOK}), {_LAST_LOOK}), waits = true
where consumer = $1 and topic = $2 and key_digest = sha256($3)"""

END_PAUSES = f"""
update parked_keys parked set due_at = now()
where consumer = $1 and waits and due_at > now() and 'dead' is distinct from (
    select status from dead_letters own
    where own.consumer = parked.consumer and own.topic = parked.topic and own.key_digest = parked.key_digest
      and {IS_OPEN} and {IN_KEY_ORDER}
    order by sequence, kafka_offset limit 1)"""

# Keys that have waited come last, because their handlers may use all of their time limit again. The
# two ranges of the index `parked_keys_due` are read in its order, up to the limit.
DUE = f"""
select topic, key from ({
    " union all ".join(
        f"(select topic, key, waits, due_at from parked_keys where consumer = $1 and {condition} and due_at <= now()"
        " order by due_at limit $2)"
        for condition in ("not waits", "waits")
    )
}) as due
order by waits, due_at limit $2"""

DUE_IN = f"""
select min(due_at) - now() from ({
    " union all ".join(
        f"(select due_at from parked_keys where consumer = $1 and {condition} and due_at > now() order by due_at limit 1)"
        for condition in ("not waits", "waits")
    )
}) as upcoming"""
