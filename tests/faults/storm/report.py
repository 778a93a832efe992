"""The report of a storm."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.faults.storm.evidence import Evidence
from tests.faults.storm.journal import entries
from tests.faults.storm.older_release import Release
from tests.faults.storm.promises.finding import Finding
from tests.faults.storm.schedule import HEALED_BY_OPERATOR, KILLING, Kind
from tests.faults.storm.upgrade_evidence import UpgradeRecord

SHOWN = 20
"""Violations of one check."""


class Report:
    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False)

    def faults(self, log: Path, seconds: float) -> int:
        """Number of faults that the system healed by itself."""
        ended = [entry for entry in entries(log) if entry.get("phase") == "end"]
        alone = [fault for fault in ended if fault["kind"] not in HEALED_BY_OPERATOR]
        killed = Counter(fault["target"] for fault in ended if fault["kind"] in KILLING)
        self.say(
            f"\n{len(ended)} faults in {seconds:.0f} s, {len(ended) / seconds * 60:.1f} a minute:"
            f" {_listed(Counter(fault['kind'] for fault in ended))}"
        )
        self.say(f"  {killed.total()} kills by target: {_listed(killed)}")
        self.say(f"  {_reached(ended, Kind.POINT)} armed failpoints were reached")
        self.say(f"  {_reached(ended, Kind.REBUILD)} rebuilds were swapped; a killed or failed one changed nothing")
        if by_hand := len(ended) - len(alone):
            self.say(f"  {by_hand} lost topics were filled by an operator's command, which the count below leaves out")
        return len(alone)

    def upgrade(self, release: Release, record: UpgradeRecord, seconds: float) -> None:
        statuses = Counter(str(call.status or call.error) for call in record.calls)
        replaced = f"{len(record.replacements)} of {len(record.processes)} processes"
        self.say(f"\n{replaced} of release {release.commit} were replaced in {seconds:.0f} s")
        self.say(f"  {len(release.missing_migrations)} newer migrations ran: {', '.join(release.missing_migrations)}")
        for replacement in record.replacements:
            work = f"{_listed(replacement.beside)} beside the old one, {_listed(replacement.successor)} in its place"
            self.say(f"  the new {replacement.process}: {work}")
        for stop in record.api_stops:
            self.say(f"  {stop.process} of {stop.release} stopped with {stop.open_requests} open requests")
        self.say(f"  {len(record.calls)} requests of the load, by status: {_listed(statuses)}")

    def operations(self, evidence: Evidence) -> None:
        outcomes = Counter(str(this_operation.outcome) for this_operation in evidence.operations)
        retried = sum(len(each_operation.tries) > 1 for each_operation in evidence.operations)
        self.say(f"{len(evidence.operations)} operations: {_listed(outcomes)}; {retried} were retried under their key")
        self.say(f"  {_listed(Counter(operation.name for operation in evidence.operations))}")
        self.say(
            f"  {len(evidence.events)} events, {len(evidence.records)} records, {len(evidence.mails)} mails,"
            f" {len(evidence.charges)} charges at the provider"
        )

    def findings(self, findings: Sequence[Finding], faults: int) -> None:
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
        if faults and not any(finding.violations for finding in findings):
            self.say(
                f"no fault of {faults} broke a promise or needed an intervention:"
                f" the rate is below {min(3 / faults, 1):.1%}, at 95 %"
            )


def _reached(faults: Sequence[Mapping[str, Any]], kind: Kind) -> str:
    reached = [fault["reached"] for fault in faults if fault["kind"] == kind]
    return f"{sum(reached)} of {len(reached)}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in Counter(counts).most_common()) or "none"
