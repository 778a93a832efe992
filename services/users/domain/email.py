"""E-mail addresses, in the one spelling under which they are unique."""

from typing import NewType

from email_validator import EmailNotValidError, validate_email

from waypost.kernel.errors import Invalid

Email = NewType("Email", str)


class NotAnEmailAddress(Invalid):
    """This is no e-mail address."""


def email_address(text: str) -> Email:
    """The address in lower case, domain in Unicode. Raises NotAnEmailAddress for what no mail can
    go to (RFC 5321, 6531).

    RFC 5321 lets a host tell local parts apart by case; no mail provider of note does, and people
    do not.
    """
    try:
        # The "test environment" of the validator allows the reserved domain .test, and nothing
        # else.
        address = validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise NotAnEmailAddress from error
    return Email(address.lower())
