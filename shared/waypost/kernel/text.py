"""Text that PostgreSQL can store, and user text that is safe in headers, mails, pages, spreadsheets
and terminals.
"""

import re
import unicodedata

_LINE_ENDS = frozenset(("Cc", "Zl", "Zp"))
"""Control characters (including CR, LF, NEL and NUL), U+2028 and U+2029: each ends a line or a
header for some reader.
"""
_INVISIBLE_CATEGORIES = frozenset(("Cf", "Cn", "Co", "Me", "Mn", "Zs", "Cs", *_LINE_ENDS))
_BLANK_CHARACTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Characters that fonts draw as blank: the fillers of Hangul, the empty braille pattern."""
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Unicode's property Bidi_Control (UAX 9): these change the display order of the text around them.
"""
_ENCODED_WORD = "=?"
"""Start of an encoded word (RFC 2047), which mail programs replace by other text."""


_HIDDEN = re.compile(
    "[\0-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
"""Characters that a terminal obeys or that hide or reorder text: control characters, escapes,
separators, bidi controls, invisible characters, tags and unpaired surrogates. The joiners of
Persian, of Indian scripts and of emoji are not included.
"""
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters of a cell that spreadsheets compute (OWASP, CSV injection), also full-width."""
_LINKED = re.compile(r"(?<=[\w.:@/\]])[.:@/](?=[\w/\[])")
_JOINED = "\u2060\\g<0>\u2060"


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can store the text: no NUL and no lone surrogate."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def storable(text: str) -> str:
    """The text with a replacement for each character that cannot be stored."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def is_one_line(text: str) -> bool:
    """Whether the text is one visible line that means the same in a header, a mail and a page."""
    return is_storable(text) and _ENCODED_WORD not in text and one_line(text) != "" and not any(map(_misleads, text))


def one_line(text: str) -> str:
    """The text as one line, for text that was stored before the rules: line ends become spaces,
    bidi controls are removed.

    Empty if no visible character is left. Encoded words stay: the writer of a header encodes them.
    """
    shown = "".join(_as_one_line(character) for character in storable(text) if character not in _BIDI_CONTROLS)
    return " ".join(shown.split()) if any(map(_is_visible, shown)) else ""


def visible(text: str, *, keep: str = "") -> str:
    """The text for a terminal or a log line: each hidden character is replaced by its escape
    `\\u001b`, which is also JSON's. Characters of `keep`, such as line ends, stay.
    """
    return _HIDDEN.sub(lambda found: found[0] if found[0] in keep else _escape(found[0]), text)


def spreadsheet_cell(text: str) -> str:
    """The text as a cell that no spreadsheet computes: an apostrophe precedes a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def unlinked(text: str) -> str:
    """The text so that mail programs do not turn addresses in it into links: invisible word joiners
    enclose each separator in a word that is not a number. Amounts and times stay unchanged.
    """
    return re.sub(r"\S+", lambda word: _LINKED.sub(_JOINED, word[0]) if _has_letter(word[0]) else word[0], text)


def _escape(character: str) -> str:
    """The UTF-16 code units, as in JSON."""
    units = character.encode("utf-16-be", errors="surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def _has_letter(word: str) -> bool:
    return any(map(str.isalpha, word))


def _misleads(character: str) -> bool:
    return character in _BIDI_CONTROLS or unicodedata.category(character) in _LINE_ENDS


def _as_one_line(character: str) -> str:
    return " " if unicodedata.category(character) in _LINE_ENDS else character


def _is_visible(character: str) -> bool:
    return unicodedata.category(character) not in _INVISIBLE_CATEGORIES and character not in _BLANK_CHARACTERS
