"""An invoice as a PDF (ISO 32000), drawn by fpdf2 with DejaVu Sans.

Every text is drawn as glyphs of the embedded font: no text is read as markup, as a link or as PDF
operators. The bytes depend on the document alone: no time of now, no random id. A character that
the font lacks is drawn as the replacement character.
"""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from fpdf import FPDF, XPos, YPos
from fpdf.bidi import BidiParagraph
from fpdf.fonts import FontFace, TTFFont

from services.billing.adapters.invoice_words import Words, words_of
from services.billing.domain import Line, TaxTotal
from services.billing.domain.document import InvoiceDocument
from waypost.kernel.text import one_line

_FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
_FAMILY = "DejaVu"
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_NOTHING = "–"
_COLUMNS = (62, 16, 27, 19, 28, 28)
"""Widths in mm, together the width of the page without its margins."""
_ALIGNED = ("LEFT", "RIGHT", "RIGHT", "RIGHT", "RIGHT", "RIGHT")
_MARGIN, _LABELS = 15, 30
_LINE_HEIGHT = 5.0
_GREY = (235, 237, 240)


def invoice_pdf(document: InvoiceDocument) -> bytes:
    """An invoice has 500 lines at most, whose PDF takes a few seconds of a processor at most."""
    sheet = _Sheet(document)
    sheet.draw()
    return bytes(sheet.output())


class _Sheet(FPDF):
    def __init__(self, document: InvoiceDocument) -> None:
        super().__init__(format="A4")
        self._document = document
        self._words: Words = words_of(document.locale)
        self.set_margin(_MARGIN)
        self.set_auto_page_break(True, margin=20)
        self.add_font(_FAMILY, fname=_FONT)
        font = self.fonts[_FAMILY.lower()]
        assert isinstance(font, TTFFont)  # noqa: S101 - for the type checker: a file of a font was added
        self._drawable = font.cmap
        self.set_font(_FAMILY, size=9)
        self.alias_nb_pages("")  # no text is replaced by the number of pages
        self.set_display_mode("default")  # the reader chooses the zoom
        self.set_title(f"{self._words.invoice} {document.number}")
        self.set_producer("Waypost")
        self.set_creation_date(document.finalized_at)
        self.set_lang(self._words.locale.partition("_")[0])

    def file_id(self) -> str:
        """The id of the document (ISO 32000, 14.4): that of the invoice, the same each time."""
        digits = self._document.invoice_id.hex.upper()
        return f"<{digits}><{digits}>"

    def footer(self) -> None:
        self.set_y(-15)
        self.set_font(_FAMILY, size=7)
        words, number = self._words, self._document.number
        self.cell(0, 5, f"{words.invoice} {number}, {words.page} {self.page_no()}", align="R")
        self.set_font(_FAMILY, size=9)

    def draw(self) -> None:
        self.add_page()
        self._draw_head()
        self._draw_lines()
        self._draw_sums()

    def _draw_head(self) -> None:
        document, words = self._document, self._words
        self.set_font(_FAMILY, size=16)
        self.cell(0, 10, f"{words.invoice} {document.number}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_font(_FAMILY, size=9)
        self._draw_fact(words.seller, self._shown(document.seller or str(document.tenant_id)))
        if document.buyer_erased:
            self._draw_fact(words.buyer, words.erased)
        else:
            self._draw_fact(words.buyer, self._shown(document.buyer))
            self._draw_fact("", self._shown(document.buyer_email))
        self._draw_fact(words.date, words.day(document.finalized_at))
        self._draw_fact(words.due, words.day(document.due_at))
        self._draw_fact(words.status, words.statuses.get(document.status, document.status.value))
        self.ln(5)

    def _draw_fact(self, label: str, text: str) -> None:
        self.cell(_LABELS, _LINE_HEIGHT, label)
        self.multi_cell(0, _LINE_HEIGHT, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _draw_lines(self) -> None:
        self.set_font(_FAMILY, size=8)
        with self.table(
            col_widths=_COLUMNS,
            text_align=_ALIGNED,
            borders_layout="HORIZONTAL_LINES",
            line_height=_LINE_HEIGHT,
            headings_style=FontFace(fill_color=_GREY),
        ) as table:
            table.row(self._words.columns)
            for line in self._document.lines:
                table.row(self._cells(line))
        self.ln(4)

    def _cells(self, line: Line) -> Sequence[str]:
        words, currency = self._words, self._document.currency
        return (
            self._shown(line.description),
            words.quantity(line.quantity),
            words.amount(line.unit_amount_minor, currency),
            words.percentage(line.tax.percentage) if line.tax else _NOTHING,
            words.amount(line.net_minor, currency),
            words.amount(line.amount_minor, currency),
        )

    def _draw_sums(self) -> None:
        document, words = self._document, self._words
        self.set_font(_FAMILY, size=9)
        if document.taxes:
            self._draw_sum(words.net, document.subtotal_minor)
            for tax in document.taxes:
                self._draw_sum(self._tax_label(tax), tax.tax_minor)
        self._draw_sum(words.total, document.total_minor)
        if document.paid_minor:
            self._draw_sum(words.paid, document.paid_minor)
        if document.refunded_minor:
            self._draw_sum(words.refunded, document.refunded_minor)

    def _tax_label(self, tax: TaxTotal) -> str:
        words = self._words
        how = words.tax_included if tax.inclusive else words.tax_added
        net = words.money(tax.net_minor, self._document.currency)
        return f"{self._shown(tax.name)} {words.percentage(tax.percentage)} ({how}; {words.net} {net})"

    def _draw_sum(self, label: str, amount_minor: int) -> None:
        amount = self._words.money(amount_minor, self._document.currency)
        height = self.multi_cell(130, _LINE_HEIGHT, label, align="R", dry_run=True, output="HEIGHT")
        assert isinstance(height, float)  # noqa: S101 - for the type checker: of output="HEIGHT"
        if self.will_page_break(height):
            self.add_page()
        top = self.get_y()
        self.multi_cell(130, _LINE_HEIGHT, label, align="R", new_x=XPos.RIGHT, new_y=YPos.LAST)
        self.set_y(top + height - _LINE_HEIGHT)
        self.set_x(_MARGIN + 130)
        self.cell(0, _LINE_HEIGHT, amount, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _shown(self, text: str | None) -> str:
        """User text as it is drawn: one line, in display order, of characters that the font has."""
        line = "".join(map(self._character, one_line(text or "")))
        if any(unicodedata.bidirectional(character) in ("R", "AL") for character in line):
            line = str(BidiParagraph(line).get_reordered_string())
        return line or _NOTHING

    def _character(self, character: str) -> str:
        if ord(character) in self._drawable:
            return character
        return "" if unicodedata.category(character) == "Cf" else _REPLACEMENT
