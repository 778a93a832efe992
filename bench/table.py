"""Every row of the benchmark table."""

from bench import writes

ROWS = {row.id: row for module in (writes,) for row in module.ROWS}
