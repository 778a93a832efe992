"""After a crash at any point, reprocessing from the committed offset gives the same totals."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.live.movements import MoneyMovement, MovementKind
from services.billing.live.totals import SeenVersions, Totals
from services.billing.live.windows import Window

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
TENANT, INVOICES = uuid4(), [uuid4() for _ in range(3)]


@dataclass(frozen=True)
class PaymentRecord:
    """One record of a partition."""

    invoice: int
    version: int

    @property
    def movement(self) -> MoneyMovement:
        return MoneyMovement(
            kind=list(MovementKind)[self.version % 3],
            tenant_id=TENANT,
            invoice_id=INVOICES[self.invoice],
            amount_minor=10**self.version + self.invoice,
            currency="EUR",
            at=NOON,
        )


@dataclass
class Tables:
    """Entries as Faust stores them: each has its own log, and a crash keeps a prefix of each
    log.
    """

    seen: dict[int, list[SeenVersions]] = field(default_factory=dict)
    totals: list[Totals] = field(default_factory=lambda: [Totals()])

    def count(self, record: PaymentRecord, offset: int) -> None:
        log = self.seen.setdefault(record.invoice, [SeenVersions({})])
        if log[-1].is_duplicate(record.version, offset):
            return
        log.append(log[-1].adding(record.version, offset))
        self.totals.append(self.totals[-1].after(record.movement, offset))

    def cut(self, data: st.DataObject, committed: "Tables") -> None:
        """Everything before the commit is kept; each entry loses a suffix of its later states."""
        for invoice, log in self.seen.items():
            least = len(committed.seen.get(invoice, [SeenVersions({})]))
            del log[data.draw(st.integers(least, max(least, len(log)))) :]
        del self.totals[data.draw(st.integers(len(committed.totals), len(self.totals))) :]

    def copy(self) -> "Tables":
        return Tables({invoice: list(log) for invoice, log in self.seen.items()}, list(self.totals))


RECORDS = st.lists(st.builds(PaymentRecord, st.integers(0, 2), st.integers(1, 6)), max_size=30)


@pytest.mark.timeout(300)  # a minute of work, on a machine that runs other tests beside it
@given(RECORDS, st.data())
def test_totals_survive_crashes_at_any_point(records: list[PaymentRecord], data: st.DataObject) -> None:
    tables, position = Tables(), 0
    while position < len(records):
        committed, reached = tables.copy(), data.draw(st.integers(position, len(records)))
        for offset in range(position, reached):
            tables.count(records[offset], offset)
        if data.draw(st.booleans()):
            tables.cut(data, committed)  # killed before the commit: all records are read again
        else:
            position = reached
        if reached == position == len(records):
            break
    for offset in range(position, len(records)):
        tables.count(records[offset], offset)

    distinct = set(records)
    assert tables.totals[-1].revision == len(distinct)
    sums = {
        kind: sum(payment.movement.amount_minor for payment in distinct if payment.movement.kind is kind)
        for kind in MovementKind
    }
    assert tables.totals[-1].paid_minor == sums[MovementKind.PAID]
    assert tables.totals[-1].failed_minor == sums[MovementKind.FAILED]
    assert tables.totals[-1].refunded_minor == sums[MovementKind.REFUNDED]


def test_windows_start_at_full_utc_units() -> None:
    at = datetime(2026, 11, 25, 23, 59, 59, 999_999, tzinfo=UTC)
    assert [window.start(at) for window in Window] == [
        datetime(2026, 11, 25, 23, 59, tzinfo=UTC),
        datetime(2026, 11, 25, 23, tzinfo=UTC),
        datetime(2026, 11, 25, tzinfo=UTC),
    ]
