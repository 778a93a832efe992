"""The page that lists charges and test cards; and the health probe."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader

from infra.simulators.database import Database
from infra.simulators.payments.cards import CARDS
from infra.simulators.payments.charges import list_charges
from waypost.kernel.money import Money

SHOWN = 200
_TEMPLATE = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True).get_template("page.html")


def create_page(database: Database) -> APIRouter:
    router = APIRouter()

    @router.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        charges = await database.transaction(list_charges)
        html = _TEMPLATE.render(
            charges=[_row(charge) for charge in reversed(charges[-SHOWN:])], total=len(charges), cards=CARDS.values()
        )
        return HTMLResponse(html, headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"})

    @router.get("/livez", include_in_schema=False)
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    return router


def _row(charge: dict[str, Any]) -> dict[str, Any]:
    refunded = charge["amount_refunded_minor"]
    return charge | {
        "amount": str(Money(charge["amount_minor"], charge["currency"])),
        "refunded": str(Money(refunded, charge["currency"])) if refunded else None,
    }
