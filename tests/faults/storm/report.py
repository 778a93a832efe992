"""The report of a storm."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.storm.evidence import Evidence
from tests.faults.storm.journal import entries
from tests.faults.storm.promises.finding import Finding
from tests.faults.storm.schedule import KILLING

SHOWN = 20
"""Violations of one check."""


class Report:
    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False)

    def faults(self, log: Path, seconds: float) -> int:
        """Number of kills."""
        faults_reported = [each for each in entries(log) if each.get("phase") == "end"]
        kinds, targets = (
            Counter(each["kind"] for each in faults_reported),
            Counter(each["target"] for each in faults_reported if each["kind"] in KILLING),
        )
        kills = targets.total()
        reached = [each["reached"] for each in entries(log) if "reached" in each]
        self.say(
            f"\n{len(faults_reported)} faults in {seconds:.0f} s, {kills / seconds * 60:.1f} kills a minute: {_listed(kinds)}"
        )
        self.say(f"  kills by target: {_listed(targets)}")
        self.say(f"  {sum(reached)} of {len(reached)} armed failpoints were reached")
        return kills

    def operations(self, evidence: Evidence) -> None:
        outcomes = Counter(str(each.outcome) for each in evidence.operations)
        retried = sum(len(each.tries) > 1 for each in evidence.operations)
        self.say(f"{len(evidence.operations)} operations: {_listed(outcomes)}; {retried} were retried under their key")
        self.say(f"  {_listed(Counter(each.name for each in evidence.operations))}")
        self.say(
            f"  {len(evidence.events)} events, {len(evidence.records)} records, {len(evidence.mails)} mails,"
            f" {len(evidence.charges)} charges at the provider"
        )

    def findings(self, findings: Sequence[Finding], kills: int) -> None:
        table = Table(box=None, pad_edge=False)
        for heading in ("", "promise", "violations, and the rate at 95 %", ""):
            table.add_column(heading)
        for each in findings:
            mark = "[red]✗[/red]" if each.violations else "[green]✓[/green]"
            table.add_row(f"{mark} {each.promise}", each.what, each.bound, f"[dim]{each.remark}[/dim]")
        self._console.print(table)
        for each in findings:
            for violation in each.violations[:SHOWN]:
                self.say(f"  {each.promise} {violation}")
        if kills and not any(each.violations for each in findings):
            self.say(f"no kill of {kills} broke a promise: the rate is below {min(3 / kills, 1):.1%}, at 95 %")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(counts).most_common()) or "none"
