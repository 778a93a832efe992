"""Every row of the benchmark table."""

from bench import (
    consumer_rows,
    consumer_safety,
    enqueue_rows,
    job_rows,
    rebuild_rows,
    relay_rows,
    safety,
    whole_stack,
    writes,
)

MODULES = (
    writes,
    whole_stack,
    consumer_rows,
    rebuild_rows,
    relay_rows,
    enqueue_rows,
    job_rows,
    safety,
    consumer_safety,
)
ROWS = {row.id: row for module in MODULES for row in module.ROWS}
