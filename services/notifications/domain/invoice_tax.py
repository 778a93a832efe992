"""The tax of an invoice by rate, from its lines."""

from collections.abc import Mapping, Sequence
from typing import Any


def taxes_of(lines: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """One total per rate (the same name, percentage and kind), in the order of their first lines:
    `name`, `ppm` (millionths), `tax_minor` and `currency`. Lines without `tax` have none.
    """
    totals: dict[tuple[str, int, bool], dict[str, Any]] = {}
    for line in lines:
        if (tax := line.get("tax")) is None:
            continue
        empty = {"name": tax["name"], "ppm": tax["ppm"], "tax_minor": 0, "currency": line["currency"]}
        key = (tax["name"], tax["ppm"], tax["inclusive"])
        totals.setdefault(key, empty)["tax_minor"] += tax["tax_minor"]
    return list(totals.values())
