"""The work that one process has done, as its own metrics count it."""

from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

from waypost.project import metric

Sample = tuple[str, Mapping[str, str]]
"""A metric and the labels that its samples must have."""

WORK: Mapping[str, Mapping[str, Sample]] = {
    "worker": {
        "records published": ("outbox_published_total", {}),
        "records handled": ("consumer_records_total", {"outcome": "handled"}),
    },
    "jobs": {"jobs completed": ("job_run_seconds_count", {"outcome": "complete"})},
    "live": {"payments counted": ("live_records_total", {"outcome": "counted"})},
}
"""Metrics of each kind of process; a process has worked if each number is above 0. The requests of
an API are counted by their callers.
"""


async def work_of(kind: str, url: str) -> Mapping[str, int]:
    """The work by its name in `WORK`; all are 0 for a process that does not answer."""
    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            page = (await http.get(f"{url}/metrics")).raise_for_status().text
    except httpx.HTTPError:
        page = ""
    return {name: _sum(page, sample) for name, sample in WORK[kind].items()}


def _sum(page: str, sample: Sample) -> int:
    name, labels = sample
    return sum(
        int(each.value)
        for family in text_string_to_metric_families(page)
        for each in family.samples
        if each.name == metric(name) and labels.items() <= each.labels.items()
    )
