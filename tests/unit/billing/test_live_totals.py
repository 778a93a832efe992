"""Whatever a crash leaves of the tables, reading on from the commit comes to the same totals."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.billing.live.movements import Kind, Movement
from services.billing.live.totals import SeenVersions, Totals
from services.billing.live.windows import Window

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
TENANT, INVOICES = uuid4(), [uuid4() for _ in range(3)]


@dataclass(frozen=True)
class Told:
    """One record of a partition."""

    invoice: int
    version: int

    @property
    def movement(self) -> Movement:
        return Movement(
            kind=list(Kind)[self.version % 3],
            tenant_id=TENANT,
            invoice_id=INVOICES[self.invoice],
            amount_minor=10**self.version + self.invoice,
            currency="EUR",
            at=NOON,
        )


@dataclass
class Tables:
    """As Faust keeps them: each entry has a log of its own, of which a crash leaves a beginning."""

    sightings: dict[int, list[SeenVersions]] = field(default_factory=dict)
    totals: list[Totals] = field(default_factory=lambda: [Totals()])

    def count(self, told: Told, offset: int) -> None:
        log = self.sightings.setdefault(told.invoice, [SeenVersions({})])
        if log[-1].is_duplicate(told.version, offset):
            return
        log.append(log[-1].adding(told.version, offset))
        self.totals.append(self.totals[-1].after(told.movement, offset))

    def cut(self, data: st.DataObject, committed: "Tables") -> None:
        """What was written before the commit is there; of the rest every entry lost some of its
        last states, or none.
        """
        for invoice, log in self.sightings.items():
            least = len(committed.sightings.get(invoice, [SeenVersions({})]))
            del log[data.draw(st.integers(least, max(least, len(log)))) :]
        del self.totals[data.draw(st.integers(len(committed.totals), len(self.totals))) :]

    def copy(self) -> "Tables":
        return Tables({invoice: list(log) for invoice, log in self.sightings.items()}, list(self.totals))


RECORDS = st.lists(st.builds(Told, st.integers(0, 2), st.integers(1, 6)), max_size=30)


@given(RECORDS, st.data())
def test_crashes_change_nothing(records: list[Told], data: st.DataObject) -> None:
    tables, position = Tables(), 0
    while position < len(records):
        committed, reached = tables.copy(), data.draw(st.integers(position, len(records)))
        for offset in range(position, reached):
            tables.count(records[offset], offset)
        if data.draw(st.booleans()):
            tables.cut(data, committed)  # killed before the commit: all is read again
        else:
            position = reached
        if reached == position == len(records):
            break
    for offset in range(position, len(records)):
        tables.count(records[offset], offset)

    distinct = set(records)
    assert tables.totals[-1].revision == len(distinct)
    sums = {kind: sum(each.movement.amount_minor for each in distinct if each.movement.kind is kind) for kind in Kind}
    assert tables.totals[-1].paid_minor == sums[Kind.PAID]
    assert tables.totals[-1].failed_minor == sums[Kind.FAILED]
    assert tables.totals[-1].refunded_minor == sums[Kind.REFUNDED]


def test_windows_begin_on_the_clock_in_utc() -> None:
    at = datetime(2026, 11, 25, 23, 59, 59, 999_999, tzinfo=UTC)
    assert [window.start(at) for window in Window] == [
        datetime(2026, 11, 25, 23, 59, tzinfo=UTC),
        datetime(2026, 11, 25, 23, tzinfo=UTC),
        datetime(2026, 11, 25, tzinfo=UTC),
    ]
