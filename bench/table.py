"""Every row of the benchmark table."""

from bench import safety, writes

ROWS = {row.id: row for module in (writes, safety) for row in module.ROWS}
