"""Tax of lines, invoices and refunds, against fractions."""

from collections.abc import Sequence
from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.billing.domain import Invoice, TaxRate
from services.billing.domain.errors import TotalTooLarge
from services.billing.domain.line import MAX_TOTAL_MINOR
from services.billing.domain.tax import percentage_of, ppm_of, refunded_tax, rounded_tax
from tests.unit.billing.invoices import NOW, draft, paid, refund_of, tax_rate, with_line
from waypost.kernel.currency import DECIMALS

RATES = (
    None,
    tax_rate("0"),
    tax_rate("19"),
    tax_rate("19", inclusive=True),
    tax_rate("8.875"),
    tax_rate("7.7", inclusive=True),
    tax_rate("0.0001"),
    tax_rate("100", inclusive=True),
)
rates = st.sampled_from(RATES)
lines = st.lists(st.tuples(st.integers(1, 50), st.integers(0, 10**9), rates), min_size=1, max_size=12)
currencies = st.sampled_from(["JPY", "EUR", "KWD"])

Lines = Sequence[tuple[int, int, TaxRate | None]]


def half_up(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))


def exact_tax(priced: int, rate: TaxRate) -> Fraction:
    share = Fraction(rate.ppm, 10**6)
    return priced * share / (1 + share) if rate.inclusive else priced * share


def invoice_with(of: Lines, currency: str = "EUR") -> Invoice:
    invoice = draft(currency)
    for quantity, price, rate in of:
        with_line(invoice, quantity, price, rate)
    return invoice


@given(lines, currencies)
def test_the_shown_parts_sum_to_the_total(of: Lines, currency: str) -> None:
    assert {DECIMALS[code] for code in ("JPY", "EUR", "KWD")} == {0, 2, 3}
    invoice = invoice_with(of, currency)
    assert invoice.total_minor == sum(line.amount_minor for line in invoice.lines)
    assert invoice.total_minor == invoice.subtotal_minor + invoice.tax_minor
    assert invoice.subtotal_minor == sum(line.net_minor for line in invoice.lines)
    assert invoice.tax_minor == sum(tax.tax_minor for tax in invoice.taxes)
    for line, (quantity, price, rate) in zip(invoice.lines, of, strict=True):
        priced = line.amount_minor if rate is None or rate.inclusive else line.net_minor
        assert priced == quantity * price
        assert 0 <= line.tax_minor <= line.amount_minor


@given(lines)
def test_the_tax_of_a_rate_is_rounded_once_over_the_invoice(of: Lines) -> None:
    for total in invoice_with(of).taxes:
        (rate,) = (
            rate for rate in RATES if rate and (rate.percentage, rate.inclusive) == (total.percentage, total.inclusive)
        )
        priced = sum(quantity * price for quantity, price, each in of if each is rate)
        assert total.tax_minor == half_up(exact_tax(priced, rate))
        assert total.net_minor == (priced - total.tax_minor if rate.inclusive else priced)


@given(lines, st.integers(0, 10**9), rates)
def test_a_line_never_reduces_the_tax_or_the_total(of: Lines, price: int, rate: TaxRate | None) -> None:
    before, after = invoice_with(of), invoice_with([*of, (1, price, rate)])
    assert after.tax_minor >= before.tax_minor
    assert after.total_minor >= before.total_minor + price


@pytest.mark.parametrize(
    ("priced", "percentage", "inclusive", "tax"),
    [
        (10_000, "19", False, 1_900),
        (11_900, "19", True, 1_900),
        (50, "1", False, 1),  # 0.5 is rounded up
        (250, "1", False, 3),  # half-even would give 2
        (49, "1", False, 0),
        (10**15, "100", False, 10**15),
        (1, "100", True, 1),
        (0, "19", True, 0),
    ],
)
def test_half_a_unit_is_rounded_up(priced: int, percentage: str, inclusive: bool, tax: int) -> None:
    assert rounded_tax(priced, ppm_of(percentage), inclusive=inclusive) == tax


def test_three_small_lines_do_not_round_three_times() -> None:
    invoice = invoice_with([(1, 3, RATES[2])] * 3)  # 0.57 each: 1 + 0 + 1 are 1.71, rounded once
    assert [line.tax_minor for line in invoice.lines] == [1, 0, 1]
    assert invoice.tax_minor == 2


def test_a_rate_that_was_created_again_rounds_together_with_the_first() -> None:
    again = tax_rate("19")
    assert RATES[2] is not None
    assert again.id != RATES[2].id
    invoice = invoice_with([(1, 3, RATES[2]), (1, 3, again), (1, 3, RATES[2]), (1, 3, tax_rate("19", name="Other"))])
    assert [line.tax_minor for line in invoice.lines] == [1, 0, 1, 1]
    assert [(total.name, total.net_minor, total.tax_minor) for total in invoice.taxes] == [
        (RATES[2].name, 9, 2),
        ("Other", 3, 1),
    ]


def test_the_bound_of_an_invoice_contains_the_tax() -> None:
    invoice = with_line(draft(), 1, MAX_TOTAL_MINOR // 2, tax_rate("100"))
    assert invoice.total_minor == MAX_TOTAL_MINOR
    with pytest.raises(TotalTooLarge):
        with_line(draft(), 1, MAX_TOTAL_MINOR // 2 + 1, tax_rate("100"))


def test_an_invoice_read_from_its_events_has_the_same_tax() -> None:
    invoice = invoice_with([(2, 999, RATES[2]), (1, 500, None), (3, 77, RATES[5])])
    folded = Invoice.fold(invoice.id, invoice.tenant_id, invoice.recorded)
    assert (folded.lines, folded.taxes, folded.total_minor) == (invoice.lines, invoice.taxes, invoice.total_minor)


@given(st.integers(1, 10**12), st.data())
def test_refunds_contain_the_tax_in_proportion(total: int, data: st.DataObject) -> None:
    tax = data.draw(st.integers(0, total))
    parts = data.draw(st.lists(st.integers(1, max(1, total // 3)), max_size=6))
    refunded = taxed = 0
    for part in (*parts, total):
        amount = min(part, total - refunded)
        taken = refunded_tax(amount, total=total, tax=tax, refunded=refunded, refunded_tax=taxed)
        assert 0 <= taken <= amount
        refunded, taxed = refunded + amount, taxed + taken
        assert abs(taxed - Fraction(tax * refunded, total)) <= Fraction(1, 2)
    assert (refunded, taxed) == (total, tax)


@given(
    st.integers(1, 200), st.lists(st.tuples(st.integers(1, 9), st.none() | st.integers(0, 9)), max_size=20), st.data()
)
@example(100, [*[(1, None)] * 8, (0, 0), (0, 1), (0, 2), (0, 3), (1, None)], None)
def test_the_rest_contains_the_rest_of_the_tax_after_failures(
    total: int, acts: list[tuple[int, int | None]], data: st.DataObject | None
) -> None:
    """In the example the refunds with the tax that was rounded up fail."""
    tax = data.draw(st.integers(0, total)) if data else total // 2
    booked: list[tuple[int, int]] = []
    for amount, failed in acts:
        if failed is not None:
            del booked[failed : failed + 1]
            continue
        refunded, taxed = sum(a for a, _ in booked), sum(t for _, t in booked)
        amount = min(amount, total - refunded)
        taken = refunded_tax(amount, total=total, tax=tax, refunded=refunded, refunded_tax=taxed)
        assert 0 <= taken <= amount
        booked.append((amount, taken))
    refunded, taxed = sum(a for a, _ in booked), sum(t for _, t in booked)
    assert 0 <= tax - taxed <= total - refunded
    rest = refunded_tax(total - refunded, total=total, tax=tax, refunded=refunded, refunded_tax=taxed)
    assert taxed + rest == tax


def test_a_refund_of_an_invoice_without_tax_has_none() -> None:
    invoice = paid()
    invoice.refund(refund_of(invoice, 100), "requested", "re_1", NOW)
    assert invoice.refunded_taxes == dict.fromkeys(invoice.refunds, 0)


@given(st.integers(0, 1_000_000))
def test_a_percentage_is_exact(ppm: int) -> None:
    assert ppm_of(percentage_of(ppm)) == ppm
    assert Fraction(percentage_of(ppm)) == Fraction(ppm, 10_000)
