"""Who a changing command is run by, and why; for the audit."""

import getpass
from typing import Annotated

import typer

Reason = Annotated[str, typer.Option("--reason", help="Why, for the audit.", show_default=False)]
As = Annotated[
    str,
    typer.Option("--as", help="Who, for the audit.", default_factory=getpass.getuser, show_default="the login name"),
]
