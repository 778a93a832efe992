"""Documents of invoices for tests, and what a reader of their PDFs finds."""

import re
from dataclasses import replace
from io import BytesIO
from typing import Any
from uuid import UUID

from pypdf import PdfReader

from services.billing.domain import Invoice, InvoiceStatus
from services.billing.domain.document import InvoiceDocument
from tests.unit.billing.invoices import NOW, draft, tax_rate, with_line


def document(invoice: Invoice | None = None, **changes: Any) -> InvoiceDocument:
    invoice = invoice or with_line(with_line(draft(), 2, 12_345, tax_rate("19")), 1, 1_000)
    made = InvoiceDocument(
        tenant_id=UUID(int=1),
        invoice_id=UUID(int=7),
        number=7,
        status=InvoiceStatus.OPEN,
        finalized_at=NOW,
        due_at=NOW,
        seller="Analytical Engines",
        buyer="Ada Lovelace",
        buyer_email="ada@example.com",
        buyer_erased=False,
        locale="en",
        currency=invoice.currency,
        lines=invoice.lines,
        subtotal_minor=invoice.subtotal_minor,
        taxes=invoice.taxes,
        total_minor=invoice.total_minor,
        paid_minor=0,
        refunded_minor=0,
    )
    return replace(made, **changes)


def pages_of(pdf: bytes) -> int:
    return len(PdfReader(BytesIO(pdf)).pages)


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def glyphs_of(pdf: bytes) -> list[str]:
    """The texts that the document draws, from the top, each from left to right: `extract_text`
    reorders text from right to left.
    """
    drawn: list[str] = []
    for page in PdfReader(BytesIO(pdf)).pages:
        resources: Any = page["/Resources"]
        [font] = resources["/Font"].values()
        codes = font.get_object()["/ToUnicode"].get_object().get_data().decode()
        characters = {code: chr(int(to, 16)) for code, to in re.findall(r"<([0-9A-F]{4})> <([0-9A-F]{4})>\n", codes)}
        content: Any = page.get_contents()
        for operands, operator in content.operations:
            if operator == b"Tj":
                code = operands[0].original_bytes.hex().upper()
                drawn.append("".join(characters[code[at : at + 4]] for at in range(0, len(code), 4)))
    return drawn


def names_in(pdf: bytes) -> set[str]:
    """Every name of every object that the document reaches: `/Annots`, `/URI`, `/JavaScript` …"""
    names: set[str] = set()
    seen: set[int] = set()

    def visit(value: Any) -> None:
        value = value.get_object() if hasattr(value, "get_object") else value
        if id(value) in seen:
            return
        seen.add(id(value))
        match value:
            case dict():
                for name, each in value.items():
                    names.add(str(name))
                    visit(each)
            case list():
                for each in value:
                    visit(each)
            case str() if value.startswith("/"):
                names.add(str(value))

    visit(PdfReader(BytesIO(pdf)).trailer)
    return names
