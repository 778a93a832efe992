"""The payment provider's page in a browser."""

import httpx

from infra.simulators.payments.cards import CARDS
from tests.fixtures.browser import Open
from tests.integration.infra.payments import charge


async def test_the_page_shows_what_was_charged_and_what_was_declined(payments: httpx.AsyncClient, visit: Open) -> None:
    paid = (await charge(payments, "pm_card_visa")).json()
    await charge(payments, "pm_card_declined")
    visited = await visit(str(payments.base_url))
    rows = visited.page.locator("tbody tr")
    assert await rows.count() == 2
    shown = await rows.filter(has_text=paid["id"]).inner_text()
    assert "succeeded" in shown and "148.00 EUR" in shown
    assert await rows.filter(has_text="failed").count() == 1
    visited.prove_clean()


async def test_page_without_charges_shows_zero(payments: httpx.AsyncClient, visit: Open) -> None:
    visited = await visit(str(payments.base_url))
    await visited.page.get_by_text("0 charges").wait_for()
    visited.prove_clean()


async def test_the_page_lists_the_cards_there_are_to_try(payments: httpx.AsyncClient, visit: Open) -> None:
    visited = await visit(str(payments.base_url))
    told = [await element.inner_text() for element in await visited.page.locator("dl div").all()]
    assert len(told) == len(CARDS)
    assert any(
        "pm_card_visa" in this_envelope and "visa 4242. Charged at once" in this_envelope for this_envelope in told
    )
    assert any("pm_card_declined" in envelope and "The card was declined" in envelope for envelope in told)
    visited.prove_clean()
