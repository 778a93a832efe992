"""Text as a database keeps it, and text of users as other documents can repeat it."""

import unicodedata

_LINE_ENDS = frozenset(("Cc", "Zl", "Zp"))
"""Controls (CR, LF, NEL and NUL with them), U+2028 and U+2029: each ends a line, or a header, for
some reader.
"""
_WITHOUT_A_SHAPE = frozenset(("Cf", "Cn", "Co", "Me", "Mn", "Zs", "Cs", *_LINE_ENDS))
_BLANK_DEAD_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that fonts draw as nothing: the fillers of Hangul, the empty braille pattern.
"""
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Unicode's property Bidi_Control (UAX 9): they change the order in which the text around them is
shown.
"""
_ENCODED_WORD = "=?"
"""How an encoded word begins (RFC 2047), which a mail program replaces by other text."""


def is_storable(text: str) -> bool:
    """PostgreSQL's text holds no NUL, and no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def storable(text: str) -> str:
    """With a substitute for each character that cannot be held."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def is_one_line(text: str) -> bool:
    """Whether it is one line with something to see, which means the same wherever it is repeated:
    in a header, a mail, a page.
    """
    return is_storable(text) and _ENCODED_WORD not in text and one_line(text) != "" and not any(map(_misleads, text))


def one_line(text: str) -> str:
    """The text as one line, for text that was stored before it had rules: line ends become spaces,
    bidi controls are left out.

    Empty where nothing is left to see. An encoded word stays as it is: it is for the writer of a
    header to encode it.
    """
    kept = "".join(_in_a_line(each) for each in storable(text) if each not in _BIDI_CONTROLS)
    return " ".join(kept.split()) if any(map(_has_a_shape, kept)) else ""


def _misleads(character: str) -> bool:
    return character in _BIDI_CONTROLS or unicodedata.category(character) in _LINE_ENDS


def _in_a_line(character: str) -> str:
    return " " if unicodedata.category(character) in _LINE_ENDS else character


def _has_a_shape(character: str) -> bool:
    return unicodedata.category(character) not in _WITHOUT_A_SHAPE and character not in _BLANK_DEAD_LETTERS
