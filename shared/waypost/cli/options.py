"""Options and arguments that several commands share."""

import getpass
from typing import Annotated

import typer

from waypost.cli.parsers import parse_rate
from waypost.kernel.errors import Invalid


def _login_name() -> str:
    """Raises Invalid if the account has no login name, as in some containers."""
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise Invalid("this account has no login name, and the audit needs an operator: add --as NAME") from error


OneService = Annotated[str | None, typer.Argument(help="One service. Default: all services.")]
Reason = Annotated[str, typer.Option("--reason", help="Reason of the change, for the audit.", show_default=False)]
As = Annotated[
    str,
    typer.Option(
        "--as", help="Name of the operator, for the audit.", default_factory=_login_name, show_default="the login name"
    ),
]
PerSecond = Annotated[
    float | None, typer.Option("--rate", parser=parse_rate, help="Maximum number of records per second: 5000, 0.2/s.")
]
ShowPersonal = Annotated[
    bool,
    typer.Option(
        "--personal",
        help="Shows personal data that is not encrypted. Encrypted personal data is always shown as empty.",
    ),
]
