"""The growth of a row is measured at each scale up to a limit."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench.frame import growth
from bench.frame.row import OURS, Arm, Scale
from bench.frame.servers import Servers
from tests.unit.bench.samples import arm_of, row_of


def test_each_scale_up_to_the_limit_is_measured_and_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "FILE", tmp_path / "growth.json")
    scales: list[tuple[int, int]] = []

    @asynccontextmanager
    async def noted(servers: Servers, scale: Scale) -> AsyncIterator[Sequence[Arm]]:
        scales.append((scale.units, scale.processes))
        yield [arm_of([], OURS)]

    row = replace(row_of(), arms=noted, processes=(1, 2))
    growth.measure_growth(row, largest=100_000)
    assert scales == [(10_000, 1), (10_000, 2), (100_000, 1), (100_000, 2)]
    assert [(point["units"], point["processes"]) for point in growth.read()["B0"]] == scales
