"""Every row of the benchmark table."""

from bench import consumer_rows, consumer_safety, rebuild_rows, relay_rows, safety, whole_stack, writes

ROWS = {
    row.id: row
    for module in (writes, whole_stack, consumer_rows, rebuild_rows, relay_rows, safety, consumer_safety)
    for row in module.ROWS
}
