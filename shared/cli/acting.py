"""Who acts, and why: the options of every command that changes something."""

import getpass
from typing import Annotated

import typer

from shared.kernel.errors import Invalid

LONGEST_NAME = 100


def _named(name: str | None) -> str | None:
    if name is not None and not (name.strip() and name.isprintable() and len(name) <= LONGEST_NAME):
        raise typer.BadParameter(f"a name is a line of up to {LONGEST_NAME} characters")
    return name


AsWhom = Annotated[
    str | None, typer.Option("--as", callback=_named, help="Your name for the audit; the login name unless given.")
]


def acting(name: str | None) -> str:
    """The name that was given, else that of the login. Raises Invalid where there is neither."""
    if name:
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:  # a container's account may have no name
        raise Invalid("this account has no login name: say who you are, --as NAME") from error
