"""E-mail addresses in the canonical spelling in which they are unique."""

from typing import NewType

from email_validator import EmailNotValidError, validate_email

from waypost.kernel.errors import Invalid

Email = NewType("Email", str)


class NotAnEmailAddress(Invalid):
    """This is not a valid e-mail address."""


def email_address(text: str) -> Email:
    """The address in lower case, with a Unicode domain. Raises NotAnEmailAddress if no mail can be
    delivered to it (RFC 5321, 6531).

    RFC 5321 permits case-sensitive local parts; no major mail provider uses them, and people do not
    distinguish case.
    """
    try:
        # The validator's "test environment" only adds the reserved domain .test.
        address = validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise NotAnEmailAddress from error
    return Email(address.lower())
