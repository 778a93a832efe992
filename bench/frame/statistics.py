"""The median of the ratios of pairs, with an interval.

Each round gives one ratio per pair of arms, so that slow drift of the machine cancels. The interval
is the percentile bootstrap: the ratios are drawn again with replacement 10,000 times, and the
interval holds the middle 95 % of the medians of the draws. The draws are seeded: the same rounds
give the same interval. Fewer than four rounds say too little for that: their interval is from the
lowest ratio to the highest.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

DRAWS = 10_000
MIN_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Ratio:
    median: float
    low: float
    high: float


def ratio_of_pairs(ours: Sequence[float], other: Sequence[float]) -> Ratio:
    ratios = [mine / its for mine, its in zip(ours, other, strict=True)]
    if len(ratios) < MIN_ROUNDS:
        return Ratio(median(ratios), min(ratios), max(ratios))
    draw = random.Random(len(ratios))  # noqa: S311 - no secret
    medians = [median(draw.choices(ratios, k=len(ratios))) for _ in range(DRAWS)]
    cuts = quantiles(medians, n=40, method="inclusive")
    return Ratio(median(ratios), cuts[0], cuts[-1])
