"""E-mail addresses in the canonical form: the form in which they are unique, sign in and are
delivered.
"""

import unicodedata
from typing import NewType

from email_validator import EmailNotValidError, validate_email

from waypost.kernel.errors import Invalid

Email = NewType("Email", str)

_MAX_CHARACTERS = 254  # RFC 5321, section 4.5.3.1.3, without the angle brackets


class NotAnEmailAddress(Invalid):
    """This is not a valid e-mail address."""


def email_address(text: str) -> Email:
    """The address in lower case, with its ASCII domain (IDNA 2008, UTS 46). Raises
    NotAnEmailAddress if no mail can be delivered to it (RFC 5321, 6531).

    RFC 5321 permits case-sensitive local parts; no major mail provider uses them, and people do not
    distinguish case. Only `lower` is applied: case folding would turn `ß` into `ss`, another
    mailbox. A domain in ASCII cannot be read by another standard, such as IDNA 2003, as the domain
    of another owner.
    """
    try:
        # The validator's "test environment" only adds the reserved domain .test.
        address = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise NotAnEmailAddress from error
    local_part = unicodedata.normalize("NFC", address.local_part.lower())
    canonical = f"{local_part}@{address.ascii_domain.lower()}"
    if len(canonical.encode()) > _MAX_CHARACTERS:
        raise NotAnEmailAddress
    return Email(canonical)


def canonical_form(stored: str) -> str:
    """The canonical form of an address that an earlier release stored with a Unicode domain. An
    address to which no mail can be delivered is returned as it is.
    """
    try:
        return stored if stored.isascii() else email_address(stored)
    except NotAnEmailAddress:
        return stored


def unicode_form(email: Email) -> Email | None:
    """The form of the address that releases before the ASCII form stored; None if it is the
    same.
    """
    if "xn--" not in email.rpartition("@")[2]:
        return None
    address = validate_email(email, check_deliverability=False, test_environment=True).normalized.lower()
    return None if address == email else Email(address)


def stored_forms(email: Email) -> list[Email]:
    """The forms in which a row may hold the address."""
    return [form for form in (email, unicode_form(email)) if form is not None]
