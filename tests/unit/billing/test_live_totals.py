"""After a crash at any point, reprocessing from the committed offset gives the same totals."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

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

    def cut(self, kept: "Crash", committed: "Tables") -> None:
        """Everything before the commit is kept; each entry loses a suffix of its later states."""
        for invoice, log in self.seen.items():
            least = len(committed.seen.get(invoice, [SeenVersions({})]))
            del log[least + kept.invoices[invoice] % (len(log) - least + 1) :]
        least = len(committed.totals)
        del self.totals[least + kept.totals % (len(self.totals) - least + 1) :]

    def copy(self) -> "Tables":
        return Tables({invoice: list(log) for invoice, log in self.seen.items()}, list(self.totals))


@dataclass(frozen=True)
class Crash:
    """The process dies `after` records behind its read position. Of its later states, each entry
    keeps a number: of each invoice, and of the totals.
    """

    after: int
    invoices: tuple[int, int, int]
    totals: int
    committed: int
    """The records after the position that a commit covers before the crash."""


# The worst case of four crashes over eight records: each entry has states before, between and after
# the records that are read again. More records repeat these states.
COUNTS = st.integers(0, 8)
RECORDS = st.lists(st.builds(PaymentRecord, st.integers(0, 2), st.integers(1, 4)), min_size=1, max_size=8)
CRASHES = st.lists(st.builds(Crash, COUNTS, st.tuples(COUNTS, COUNTS, COUNTS), COUNTS, COUNTS), max_size=4)


@given(RECORDS, CRASHES)
def test_totals_survive_crashes_at_any_point(records: list[PaymentRecord], crashes: list[Crash]) -> None:
    tables, position = Tables(), 0
    for crash in crashes:
        committed_to = min(position + crash.committed, len(records))
        for offset in range(position, committed_to):
            tables.count(records[offset], offset)
        committed, position = tables.copy(), committed_to
        for offset in range(position, min(position + crash.after, len(records))):
            tables.count(records[offset], offset)
        tables.cut(crash, committed)
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
