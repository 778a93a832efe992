"""An invoice as a PDF (ISO 32000), drawn by fpdf2 with DejaVu Sans.

Every text is drawn as glyphs of the embedded font: no text is read as markup, as a link or as PDF
operators. The bytes depend on the document alone: no time of now, no random id. A character that
the font lacks is drawn as the replacement character.
"""

import unicodedata
from collections.abc import Sequence
from math import floor
from pathlib import Path

from fpdf import FPDF, XPos, YPos
from fpdf.bidi import BidiParagraph, auto_detect_base_direction
from fpdf.enums import TextDirection
from fpdf.fonts import FontFace, TTFFont
from fpdf.table import Row

from services.billing.adapters.invoice_words import Words, words_of
from services.billing.domain import Line, TaxTotal
from services.billing.domain.document import InvoiceDocument
from waypost.kernel.text import one_line

_FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
_FAMILY = "DejaVu"
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_LEFT_TO_RIGHT = "\N{LEFT-TO-RIGHT MARK}"
"""Ends a name: else a number behind a name from right to left moves to its other side."""
_NOTHING = "–"
_COLUMNS = (62, 16, 27, 19, 28, 28)
"""Widths in mm, together the width of the page without its margins."""
_ALIGNED = ("LEFT", "RIGHT", "RIGHT", "RIGHT", "RIGHT", "RIGHT")
_MARGIN, _LABELS, _SUMS = 15, 30, 130
_LINE_HEIGHT = 5.0
_SIZE, _SIZE_IN_LINES = 9, 8
_SLACK = 0.5
"""mm that stay free in a cell: its borders, and sums of widths that floats round apart."""
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
        self.set_font(_FAMILY, size=_SIZE)
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
        self.set_font(_FAMILY, size=_SIZE)

    def draw(self) -> None:
        self.add_page()
        self._draw_head()
        self._draw_lines()
        self._draw_sums()

    def _draw_head(self) -> None:
        document, words = self._document, self._words
        self.set_font(_FAMILY, size=16)
        self.cell(0, 10, f"{words.invoice} {document.number}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_font(_FAMILY, size=_SIZE)
        self._draw_fact(words.seller, self._fact(document.seller or str(document.tenant_id)))
        if document.buyer_erased:
            self._draw_fact(words.buyer, words.erased)
        else:
            self._draw_fact(words.buyer, self._fact(document.buyer))
            self._draw_fact("", self._fact(document.buyer_email))
        self._draw_fact(words.date, words.day(document.finalized_at))
        self._draw_fact(words.due, words.day(document.due_at))
        self._draw_fact(words.status, words.statuses.get(document.status, str(document.status)))
        self.ln(5)

    def _draw_fact(self, label: str, text: str) -> None:
        self.cell(_LABELS, _LINE_HEIGHT, label)
        self.multi_cell(0, _LINE_HEIGHT, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _draw_lines(self) -> None:
        self.set_font(_FAMILY, size=_SIZE_IN_LINES)
        with self.table(
            col_widths=_COLUMNS,
            text_align=_ALIGNED,
            borders_layout="HORIZONTAL_LINES",
            line_height=_LINE_HEIGHT,
            headings_style=FontFace(fill_color=_GREY),
        ) as table:
            table.row(self._words.columns)
            for line in self._document.lines:
                self._draw_line(table.row(), line)
        self.ln(4)

    def _draw_line(self, row: Row, line: Line) -> None:
        row.cell(self._shown(line.description, _COLUMNS[0]))
        for number, width in zip(self._numbers(line), _COLUMNS[1:], strict=True):
            row.cell(number, style=FontFace(size_pt=self._fitting_size(number, width)))

    def _numbers(self, line: Line) -> Sequence[str]:
        words, currency = self._words, self._document.currency
        return (
            words.quantity(line.quantity),
            words.amount(line.unit_amount_minor, currency),
            words.percentage(line.tax.percentage) if line.tax else _NOTHING,
            words.amount(line.net_minor, currency),
            words.amount(line.amount_minor, currency),
        )

    def _draw_sums(self) -> None:
        document, words = self._document, self._words
        self.set_font(_FAMILY, size=_SIZE)
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
        name = self._drawable_line(tax.name)
        if _has_right_to_left(name):
            name += _LEFT_TO_RIGHT
        label = f"{name} {words.percentage(tax.percentage)} ({how}; {words.net} {net})"
        return self._displayed(label, _SUMS, TextDirection.LTR)

    def _draw_sum(self, label: str, amount_minor: int) -> None:
        amount = self._words.money(amount_minor, self._document.currency)
        height = self.multi_cell(_SUMS, _LINE_HEIGHT, label, align="R", dry_run=True, output="HEIGHT")
        assert isinstance(height, float)  # noqa: S101 - for the type checker: of output="HEIGHT"
        if self.will_page_break(height):
            self.add_page()
        top = self.get_y()
        self.multi_cell(_SUMS, _LINE_HEIGHT, label, align="R", new_x=XPos.RIGHT, new_y=YPos.LAST)
        self.set_y(top + height - _LINE_HEIGHT)
        self.set_x(_MARGIN + _SUMS)
        self.set_font_size(self._fitting_size(amount, self.epw - _SUMS))
        self.cell(0, _LINE_HEIGHT, amount, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_font_size(_SIZE)

    def _fitting_size(self, number: str, width: float) -> float:
        """The size of the present font, or a smaller one with which the number is one line: a
        number that is broken reads as two.
        """
        available = width - 2 * self.c_margin - _SLACK
        size = self.font_size_pt * min(1, available / self.get_string_width(number))
        return floor(size * 100) / 100

    def _fact(self, text: str | None) -> str:
        return self._shown(text, self.epw - _LABELS)

    def _shown(self, text: str | None, width: float) -> str:
        """User text as it is drawn in a cell of `width` mm."""
        return self._displayed(self._drawable_line(text) or _NOTHING, width)

    def _drawable_line(self, text: str | None) -> str:
        """One line of characters that the font has, composed if they can be (NFC)."""
        return "".join(map(self._character, one_line(unicodedata.normalize("NFC", text or ""))))

    def _displayed(self, line: str, width: float, direction: TextDirection | None = None) -> str:
        """Text from right to left in display order. It is broken before it is reordered (Unicode
        Bidirectional Algorithm, L1), because its first words are on the first line. `direction` is
        that of the paragraph, by default the one of its first strong character.
        """
        if not _has_right_to_left(line):
            return line
        base = direction or auto_detect_base_direction(line)
        lines = self.multi_cell(width - _SLACK, _LINE_HEIGHT, line, align="L", dry_run=True, output="LINES")
        assert isinstance(lines, list)  # noqa: S101 - for the type checker: of output="LINES"
        return "\n".join(BidiParagraph(each, base).get_reordered_string() for each in lines)

    def _character(self, character: str) -> str:
        if ord(character) in self._drawable:
            return character
        return "" if unicodedata.category(character) == "Cf" else _REPLACEMENT


def _has_right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)
