"""Passwords that are refused because they are guessed first (NIST SP 800-63B, section 3.1.1.2)."""

import re
import unicodedata
from collections.abc import Callable, Iterable

from waypost.kernel.errors import Invalid
from waypost.project import project

MIN_DIFFERENT_CHARACTERS = 5
MIN_WORD = 4

IsCommon = Callable[[str], bool]
"""Whether a text, in lower case, is one of the commonest passwords."""


class PasswordTooCommon(Invalid):
    """This password is easy to guess. Choose another: several unrelated words are good, common
    passwords, repeated characters, your address and the name of your company are not.
    """


def refuse_easy(password: str, is_common: IsCommon, words: Iterable[str] = ()) -> None:
    """`words`: known facts about the person, such as address and company. Raises
    PasswordTooCommon for a common password, also with digits and signs around it, for few different
    characters, and for one of the words.
    """
    text = unicodedata.normalize("NFKC", password).casefold()
    core = _core(text)
    known = {part for word in (*words, project().title) for part in _parts(word)}
    if (
        len(set(text)) < MIN_DIFFERENT_CHARACTERS
        or is_common(text)
        or is_common(core)
        or core in known
        or text in known
    ):
        raise PasswordTooCommon


def _core(text: str) -> str:
    """The text without digits, signs and blanks at its ends: `password12!` is `password`."""
    return re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text)


def _parts(word: str) -> Iterable[str]:
    """The word, its parts before and after @, and each without blanks and signs."""
    text = unicodedata.normalize("NFKC", word).casefold()
    local, _, domain = text.partition("@")
    for part in (text, local, domain, domain.partition(".")[0], *re.split(r"\W+", local)):
        for shape in (part, _core(part), re.sub(r"[\W_]+", "", part)):
            if len(shape) >= MIN_WORD:
                yield shape
