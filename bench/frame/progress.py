"""The progress of a row on the terminal."""

import time

from bench.frame.row import Row, Sample


class Progress:
    """Prints a line for each step, with the seconds since the row began."""

    def __init__(self, row: Row) -> None:
        self.latest = "the start of the servers"
        """The last step that ended."""
        self._row, self._began = row, time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def tell(self, step: str) -> None:
        self.latest = step
        print(f"  {self._row.id:<8}{self.seconds:6.1f} s  {step}", flush=True)

    def tell_sample(self, number: int, arm: str, sample: Sample) -> None:
        measure = self._row.goals[0].measure
        self.tell(f"round {number}: {arm}: {measure.of(sample):,.4g} {measure.unit}")
