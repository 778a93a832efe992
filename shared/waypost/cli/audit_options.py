"""Who a changing command is run by, and why; for the audit."""

import getpass
from typing import Annotated

import typer

from waypost.kernel.errors import Invalid


def _login_name() -> str:
    """Raises Invalid: the account of a container may have none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise Invalid("this account has no login name; say who you are: --as NAME") from error


Reason = Annotated[str, typer.Option("--reason", help="Why, for the audit.", show_default=False)]
As = Annotated[
    str, typer.Option("--as", help="Who, for the audit.", default_factory=_login_name, show_default="the login name")
]
