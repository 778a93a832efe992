"""A rolling upgrade: no process crashes, each new one works beside the old one, and no caller sees
an error. Row 43 of the fault matrix.
"""

from collections.abc import Iterator, Sequence

import httpx

from tests.faults.storm.promises.finding import Finding, finding
from tests.faults.storm.traffic import Call
from tests.faults.storm.upgrade_evidence import UpgradeRecord

ROW = "F43"
REFUSED = ("invoice_without_currency", "void_of_another_tenant")
"""Operations that must be refused; see `send_invalid_request`."""
CHARGED_MEANWHILE = "void"
"""The customer may have a card by another journey: a void after the charge conflicts with it."""


def every_process_was_replaced(record: UpgradeRecord) -> Finding:
    replaced = {replacement.process for replacement in record.replacements}
    wrong = [f"{process} was not replaced" for process in record.processes if process not in replaced]
    wrong += [f"the upgrade ended early: {record.failure}"] if record.failure else []
    return finding(ROW, "each process was replaced", len(record.processes), wrong)


def no_process_ended_by_itself(record: UpgradeRecord) -> Finding:
    """Nor was one killed because it had not ended at the deadline of its stop."""

    def violations() -> Iterator[str]:
        for end in record.exits:
            if not end.stopped:
                yield f"{end.process} of {end.release} ended by itself, with code {end.code}:\n{end.last_lines}"
            elif end.code != 0:
                yield f"{end.process} of {end.release} was stopped and ended with code {end.code}:\n{end.last_lines}"

    return finding(ROW, "no process ended by itself, or late", len(record.exits), violations())


def every_new_process_worked(record: UpgradeRecord) -> Finding:
    wrong = [
        f"the new {replacement.process} {place} had no {name}"
        for replacement in record.replacements
        for place, work in (("beside the old one", replacement.beside), ("in its place", replacement.successor))
        for name, number in (work or {"work": 0}).items()
        if number == 0
    ]
    return finding(
        ROW, "each new process worked, beside the old one and in its place", 2 * len(record.replacements), wrong
    )


def every_stopped_api_had_open_requests(record: UpgradeRecord) -> Finding:
    """Without one, no stop shows that open requests are answered. A request without an answer is a
    violation of `no_caller_saw_an_error`.
    """
    wrong = [
        f"no request was open when {stop.process} of {stop.release} stopped: this proves nothing"
        for stop in record.api_stops
        if stop.open_requests == 0
    ]
    total = sum(stop.open_requests for stop in record.api_stops)
    stops = {(stop.process, stop.release) for stop in record.api_stops}
    replaced = {replacement.process for replacement in record.replacements if replacement.process.endswith("-api")}
    wrong += [f"no stop of {api} was recorded" for api in sorted(replaced - {process for process, _ in stops})]
    return finding(ROW, "each stopped API had open requests", len(record.api_stops), wrong, f"{total} requests")


def no_caller_saw_an_error(record: UpgradeRecord) -> Finding:
    wrong = [f"{_told(call)}" for call in record.calls if not _is_expected(call)]
    return finding(ROW, "no caller saw an error", len(record.calls), wrong)


def no_user_waited_in_vain(record: UpgradeRecord) -> Finding:
    return finding(ROW, "no user waited in vain", len(record.calls), record.abandoned)


def every_operation_succeeded_afterwards(record: UpgradeRecord) -> Finding:
    wrong = [
        f"no {name} succeeded after the last replacement"
        for name in record.operations
        if not record.succeeded.get(name)
    ]
    return finding(ROW, "each operation succeeds on the new release", len(record.operations), wrong)


def _is_expected(call: Call) -> bool:
    if call.status is None or call.status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return False
    if call.status < httpx.codes.BAD_REQUEST:
        return call.operation not in REFUSED
    waits = not call.operation and call.status == httpx.codes.NOT_FOUND
    charged = call.operation == CHARGED_MEANWHILE and call.status == httpx.codes.CONFLICT
    return call.operation in REFUSED or waits or charged


def _told(call: Call) -> str:
    what = call.operation or "a read"
    outcome = call.error if call.status is None else f"status {call.status}"
    return f"{what} ({call.method} {call.path} at {call.process}): {outcome}"


CHECKS = (
    every_process_was_replaced,
    no_process_ended_by_itself,
    every_new_process_worked,
    every_stopped_api_had_open_requests,
    no_caller_saw_an_error,
    no_user_waited_in_vain,
    every_operation_succeeded_afterwards,
)


def examine_upgrade(record: UpgradeRecord) -> Sequence[Finding]:
    return [check(record) for check in CHECKS]
