"""The figures of the adapter for the public harness of job queues."""

import json

import pytest

from bench.portable.adapter import MANIFEST
from bench.portable.samples import (
    LATENCY_WINDOW_SECONDS,
    Measurements,
    Rates,
    RecentLatencies,
    descriptor,
    records,
    rounded,
    until_next,
)

REQUIRED = {"claim_p50_ms", "claim_p95_ms", "claim_p99_ms", "enqueue_rate", "completion_rate", "queue_depth"}


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("value", "kept"), [(0, 0), (7, 7), (999, 999), (1004, 1000), (12_345, 12_300), (98_760, 98_800)]
)
def test_a_latency_keeps_three_significant_figures(value: int, kept: int) -> None:
    assert rounded(value) == kept


def test_percentiles_are_the_nearest_ranks_in_milliseconds() -> None:
    latencies = RecentLatencies(Time())
    for milliseconds in range(100, 0, -1):
        latencies.record(1000 * milliseconds)
    assert latencies.percentiles([0.5, 0.95, 0.99, 1.0]) == [50.0, 95.0, 99.0, 100.0]


def test_percentiles_cover_thirty_seconds() -> None:
    time = Time()
    latencies = RecentLatencies(time)
    latencies.record(9_000_000)
    time.now += LATENCY_WINDOW_SECONDS - 1
    latencies.record(1000)
    assert latencies.percentiles([1.0]) == [9000.0]
    time.now += 1
    assert latencies.percentiles([1.0]) == [1.0]
    time.now += LATENCY_WINDOW_SECONDS
    assert latencies.percentiles([0.5]) == [0.0]


def test_the_memory_of_latencies_does_not_grow_with_their_number() -> None:
    time = Time()
    latencies = RecentLatencies(time)
    for number in range(100_000):
        time.now = 1000 + number / 2000
        latencies.record(number)
    assert len(latencies._seconds) <= LATENCY_WINDOW_SECONDS
    assert max(len(counts) for _, counts in latencies._seconds) < 2000


def test_rates_are_those_since_the_last_read() -> None:
    time, measurements = Time(), Measurements()
    rates = Rates(measurements, time)
    measurements.enqueued, measurements.completed, time.now = 500, 400, 1002.0
    assert rates.read() == (250.0, 200.0)
    measurements.completed, time.now = 500, 1004.0
    assert rates.read() == (0.0, 50.0)


def test_samples_begin_at_multiples_of_their_period() -> None:
    assert until_next(5, 1_000_002.0) == 3.0
    assert until_next(5, 1_000_000.0) == 5.0


def test_a_timer_that_ends_early_makes_no_short_period() -> None:
    assert until_next(5, 1_000_004.5) == 5.5


def test_instance_0_reports_every_metric_of_the_protocol() -> None:
    lines = [json.loads(line) for line in records(Measurements(depth=3), (1.0, 2.0), instance=0, every_seconds=5)]
    assert {line["metric"] for line in lines} == REQUIRED | {"producer_target_rate"}
    assert {line["metric"]: line["window_s"] for line in lines}["claim_p99_ms"] == LATENCY_WINDOW_SECONDS
    assert all((line["system"], line["kind"], line["instance_id"]) == ("waypost", "adapter", 0) for line in lines)


def test_other_instances_report_only_their_own_work() -> None:
    lines = [json.loads(line) for line in records(Measurements(depth=3), (1.0, 2.0), instance=1, every_seconds=5)]
    assert {line["metric"] for line in lines} == REQUIRED - {"queue_depth"}


def test_the_descriptor_repeats_the_manifest() -> None:
    line = json.loads(descriptor(MANIFEST, version="v", schema="s", database="waypost_bench", instance=0))
    assert line["kind"] == "descriptor"
    assert (line["event_tables"], line["extensions"]) == (MANIFEST["event_tables"], MANIFEST["extensions"])
