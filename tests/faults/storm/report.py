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
        faults_reported = [entry for entry in entries(log) if entry.get("phase") == "end"]
        kinds, targets = (
            Counter(fault["kind"] for fault in faults_reported),
            Counter(this_fault["target"] for this_fault in faults_reported if this_fault["kind"] in KILLING),
        )
        kills = targets.total()
        reached = [this_entry["reached"] for this_entry in entries(log) if "reached" in this_entry]
        self.say(
            f"\n{len(faults_reported)} faults in {seconds:.0f} s, {kills / seconds * 60:.1f} kills a minute: {_listed(kinds)}"
        )
        self.say(f"  kills by target: {_listed(targets)}")
        self.say(f"  {sum(reached)} of {len(reached)} armed failpoints were reached")
        return kills

    def operations(self, evidence: Evidence) -> None:
        outcomes = Counter(str(this_operation.outcome) for this_operation in evidence.operations)
        retried = sum(len(each_operation.tries) > 1 for each_operation in evidence.operations)
        self.say(f"{len(evidence.operations)} operations: {_listed(outcomes)}; {retried} were retried under their key")
        self.say(f"  {_listed(Counter(operation.name for operation in evidence.operations))}")
        self.say(
            f"  {len(evidence.events)} events, {len(evidence.records)} records, {len(evidence.mails)} mails,"
            f" {len(evidence.charges)} charges at the provider"
        )

    def findings(self, findings: Sequence[Finding], kills: int) -> None:
        table = Table(box=None, pad_edge=False)
        for heading in ("", "promise", "violations, and the rate at 95 %", ""):
            table.add_column(heading)
        for each_finding in findings:
            mark = "[red]✗[/red]" if each_finding.violations else "[green]✓[/green]"
            table.add_row(
                f"{mark} {each_finding.promise}",
                each_finding.what,
                each_finding.bound,
                f"[dim]{each_finding.remark}[/dim]",
            )
        self._console.print(table)
        for this_finding in findings:
            for violation in this_finding.violations[:SHOWN]:
                self.say(f"  {this_finding.promise} {violation}")
        if kills and not any(finding.violations for finding in findings):
            self.say(f"no kill of {kills} broke a promise: the rate is below {min(3 / kills, 1):.1%}, at 95 %")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(counts).most_common()) or "none"
