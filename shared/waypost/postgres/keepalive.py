"""When a session counts as dead because the machine of its peer does not answer: the same times on
both sides, so that neither keeps a session that the other has given up.
"""

IDLE_SECONDS = 5
"""Silence before the first probe."""
INTERVAL_SECONDS = 2
"""Pause between probes."""
PROBES = 3
"""Unanswered probes after which the session ends."""
UNACKNOWLEDGED_SECONDS = IDLE_SECONDS + INTERVAL_SECONDS * PROBES
"""Time in which sent data must be acknowledged: as long as an idle session is kept."""
