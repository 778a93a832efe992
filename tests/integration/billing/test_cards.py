"""Cards: attached, chosen and detached by their customer, who pays with them."""

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest

from services.billing.domain.customer import MAX_CARDS
from services.billing.ports import Declined, Succeeded
from tests.integration.billing.service import BillingService, Company, Row
from tests.integration.infra.payments import charges
from waypost.kernel.ids import TenantId
from waypost.kernel.role import Role

HIGHER_ROLES = (Role.ADMIN, Role.OWNER)


async def token_of_a_new_card(company: Company, card: str = "pm_card_visa") -> str:
    """The token of a card that was entered at the provider."""
    made = await company.billing.payments.post("/v1/payment_methods", json={"card": card})
    token: str = made.json()["id"]
    return token


async def cards_of(company: Company) -> list[Row]:
    shown: list[Row] = (await company.get(f"/customers/{company.customer_id}"))["payment_methods"]
    return shown


async def colleague_of(company: Company) -> Company:
    """Another customer of the same tenant."""
    colleague = Company(company.billing, company.tenant_id)
    colleague.customer_id = await colleague.join()
    return colleague


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def customer_events(company: Company) -> list[str]:
    rows = await company.rows(
        "select type from events where aggregate_id = :id order by version", id=company.customer_id
    )
    return [row["type"] for row in rows]


async def test_a_member_attaches_a_card_and_pays_an_invoice_with_it(billing: BillingService) -> None:
    company = await billing.company()
    invoice_id = await company.finalized(24_690)
    path = f"/invoices/{invoice_id}"
    assert problem(await company.ask("POST", f"{path}/pay")) == (409, "no-payment-method")
    async with billing.working():
        await company.becomes(invoice_id, last_failure="no_payment_method")
        attached = await company.attach_card()
        assert (await company.ask("POST", f"{path}/pay")).status_code == 202
        await company.becomes(invoice_id, status="paid")
    [charge] = await charges(billing.payments)
    stored = await company.rows("select token from payment_methods")
    assert [charge["payment_method"]] == [row["token"] for row in stored]
    provided = (await billing.payments.get(f"/v1/payment_methods/{charge['payment_method']}")).json()
    assert provided["customer"] == f"{company.tenant_id}/{company.customer_id}"
    shown = await company.get(f"/customers/{company.customer_id}")
    assert shown["default_payment_method_id"] == attached.json()["id"]


async def test_a_member_pays_no_invoice_of_a_colleague(company: Company) -> None:
    colleague, path = await colleague_of(company), f"/invoices/{await company.finalized()}/pay"
    assert (await company.ask("POST", path, user_id=colleague.customer_id)).status_code == 404
    assert await company.rows("select 1 from payment_attempts") == []
    assert (await company.ask("POST", path, role=Role.ADMIN, user_id=uuid4())).status_code == 202


@pytest.mark.parametrize("role", HIGHER_ROLES)
async def test_an_admin_detaches_a_colleagues_card_and_does_not_choose_it(company: Company, role: Role) -> None:
    other = await token_of_a_new_card(company)
    [card] = await cards_of(company)
    for path, body in ((company.cards, {"token": other}), (f"{company.cards}/{card['id']}/default", None)):
        refused = await company.ask("POST", path, body, role=role, user_id=company.owner_id)
        assert problem(refused) == (403, "not-the-customer"), path
    owner = (await company.billing.payments.get(f"/v1/payment_methods/{other}")).json()["customer"]
    assert owner is None, "the provider was not asked"
    detached = await company.ask("DELETE", f"{company.cards}/{card['id']}", role=role, user_id=company.owner_id)
    assert detached.status_code == 200 and detached.json()["payment_methods"] == []


async def test_a_member_does_not_see_the_cards_of_a_colleague(company: Company) -> None:
    colleague = await colleague_of(company)
    [card] = await cards_of(company)
    one = f"{company.cards}/{card['id']}"
    for verb, path in (("POST", company.cards), ("POST", f"{one}/default"), ("DELETE", one)):
        body = {"token": "pm_card_visa"} if path == company.cards else None
        answer = await company.ask(verb, path, body, user_id=colleague.customer_id)
        assert answer.status_code == 404, (verb, path)
        through = path.replace(str(company.customer_id), str(colleague.customer_id))
        if path != company.cards:
            assert problem(await colleague.ask(verb, through)) == (404, "no-such-card")
    assert await cards_of(company) == [card]


async def test_the_default_is_chosen_and_follows_a_detached_card(company: Company) -> None:
    first = (await cards_of(company))[0]["id"]
    second = (await company.attach_card("pm_card_slow")).json()["id"]
    chosen = await company.ask("POST", f"{company.cards}/{first}/default")
    assert chosen.status_code == 200
    assert chosen.json() == await company.get(f"/customers/{company.customer_id}")
    assert chosen.json()["default_payment_method_id"] == first
    assert (await company.ask("POST", f"{company.cards}/{first}/default")).json() == chosen.json()
    attempt = await company.begin_charge(await company.finalized())
    [used] = await company.rows("select payment_method_id from payment_attempts")
    assert str(used["payment_method_id"]) == first
    await company.decide(attempt, Succeeded(provider_id="ch_1"))
    detached = (await company.ask("DELETE", f"{company.cards}/{first}")).json()
    assert detached == await company.get(f"/customers/{company.customer_id}")
    assert detached["default_payment_method_id"] == second
    assert [row["payment_method_id"] for row in await company.rows("select * from payment_methods")] == [UUID(second)]
    assert problem(await company.ask("DELETE", f"{company.cards}/{first}")) == (404, "no-such-card")
    assert (await customer_events(company))[1:] == [
        "payment_method.attached",
        "payment_method.attached",
        "payment_method.made_default",
        "payment_method.detached",
    ]


async def test_a_stale_if_match_changes_no_card(company: Company) -> None:
    [card] = await cards_of(company)
    who = company.headers(Role.MEMBER, company.customer_id) | {"if-match": '"1"'}
    for verb, path in (("POST", f"{company.cards}/{card['id']}/default"), ("DELETE", f"{company.cards}/{card['id']}")):
        assert (await company.billing.http.request(verb, path, headers=who)).status_code == 412, verb


async def test_the_same_token_is_the_same_card(company: Company) -> None:
    [card] = await cards_of(company)
    token = await token_of_a_new_card(company, "pm_card_slow")
    new = await company.ask("POST", company.cards, {"token": token})
    assert new.status_code == 201
    again = await company.ask("POST", company.cards, {"token": "pm_card_visa"})
    assert (again.status_code, again.json()) == (200, card)
    assert [one["id"] for one in await cards_of(company)] == [new.json()["id"], card["id"]], "it is the default again"


async def test_concurrent_requests_attach_one_card(billing: BillingService) -> None:
    company = await billing.company()
    token = await token_of_a_new_card(company)
    answers = await asyncio.gather(*(company.ask("POST", company.cards, {"token": token}) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await cards_of(company)) == len(await company.rows("select 1 from payment_methods")) == 1


async def test_an_unknown_token_attaches_nothing(company: Company) -> None:
    cards = await cards_of(company)
    refused = await company.ask("POST", company.cards, {"token": "pm_card_of_nobody"})
    assert problem(refused) == (422, "payment-method-unknown")
    assert await cards_of(company) == cards


async def test_a_card_belongs_to_one_customer_of_one_tenant(company: Company) -> None:
    token = await token_of_a_new_card(company)
    assert (await company.ask("POST", company.cards, {"token": token})).status_code == 201
    stranger = Company(company.billing, TenantId(uuid4()))
    stranger.customer_id = await stranger.join()
    for other in (await colleague_of(company), stranger):
        refused = await other.ask("POST", other.cards, {"token": token})
        assert problem(refused) == (409, "payment-method-taken")
        assert token not in refused.text
        assert await cards_of(other) == []


async def test_a_customer_has_ten_cards_at_most(company: Company) -> None:
    tokens = [await token_of_a_new_card(company) for _ in range(MAX_CARDS)]
    answers = [await company.ask("POST", company.cards, {"token": token}) for token in tokens]
    assert [answer.status_code for answer in answers] == [201] * (MAX_CARDS - 1) + [409]
    assert problem(answers[-1]) == (409, "too-many-cards")
    assert (await company.ask("POST", company.cards, {"token": tokens[0]})).status_code == 200
    assert (await company.ask("DELETE", f"{company.cards}/{answers[0].json()['id']}")).status_code == 200
    assert (await company.ask("POST", company.cards, {"token": tokens[-1]})).status_code == 201


async def test_a_card_in_use_is_not_detached(company: Company) -> None:
    [card] = await cards_of(company)
    attempt = await company.begin_charge(await company.finalized())
    path = f"{company.cards}/{card['id']}"
    assert problem(await company.ask("DELETE", path)) == (409, "card-in-use")
    assert await cards_of(company) == [card]
    await company.decide(attempt, Declined(reason="card_declined"))
    assert (await company.ask("DELETE", path)).status_code == 200


async def test_a_charge_that_begins_while_its_card_is_detached_fails_at_once(
    billing: BillingService, company: Company
) -> None:
    """The charge chose the card before the detachment was committed: its row is gone."""
    await company.rows("delete from payment_methods returning 1")
    async with billing.working():
        invoice_id = await company.finalized()
        failed = await company.becomes(invoice_id, last_failure="no_payment_method")
    assert failed["status"] == "open" and failed["next_attempt_at"] is not None
    assert await charges(billing.payments) == []
