"""`waypost operators token`"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from joserfc.jwk import OKPKey

from shared.cli.acting import AsWhom, acting
from shared.cli.output import console, remark
from shared.cli.services import chosen_services, setting_of
from shared.kernel.errors import Misconfigured
from shared.web.auth import Operator
from shared.web.tokens import sign

LONGEST_MINUTES = 60
KEYS_DIRECTORY = "WAYPOST_KEYS_DIRECTORY"

commands = typer.Typer(no_args_is_help=True, help="Those who run the system.")


@commands.callback()
def operators() -> None:
    """Those who run the system."""


@commands.command()
def token(
    name: AsWhom = None,
    minutes: Annotated[int, typer.Option(min=1, max=LONGEST_MINUTES, help="How long it opens anything.")] = 10,
) -> None:
    """A token for the routes under /ops of every service: `curl -H "Authorization: Bearer $(waypost operators token)" …/ops/jobs`."""
    operator, now = Operator(name=acting(name)), datetime.now(UTC)
    console.print(sign(operator.claims(), _signing_key(), at=now, lifetime=timedelta(minutes=minutes)), soft_wrap=True)
    remark(f"opens /ops for {operator.name}, {minutes} minutes long")


def _signing_key() -> OKPKey:
    """Of the service that signs tokens. Raises Misconfigured where it cannot be read."""
    for service in chosen_services(None):
        if service.signing_key is not None:
            directory = Path(setting_of(service.name, KEYS_DIRECTORY))
            return service.signing_key(directory)
    raise Misconfigured("no service of this checkout signs tokens: none declares a signing_key in its app")
