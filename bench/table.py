"""Every row of the benchmark table."""

from bench import safety, whole_stack, writes

ROWS = {row.id: row for module in (writes, whole_stack, safety) for row in module.ROWS}
