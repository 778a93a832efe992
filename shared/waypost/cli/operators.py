"""`waypost operators token`"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from joserfc.jwk import OKPKey

from waypost.cli.options import As
from waypost.cli.output import console, print_to_stderr
from waypost.cli.services import chosen_services, setting_of
from waypost.kernel.errors import Invalid, Misconfigured
from waypost.project import variable
from waypost.web.principal import Operator
from waypost.web.tokens import sign

MAX_MINUTES = 60

commands = typer.Typer(no_args_is_help=True, help="Access tokens of operators.")


@commands.command()
def token(
    name: As,
    minutes: Annotated[int, typer.Option(min=1, max=MAX_MINUTES, help="Lifetime of the token.")] = 10,
) -> None:
    """Prints an access token for the /ops routes of every service.

    They are at the management address of an API, whose documents `waypost dev status` or
    `make status` lists. For example: curl -H "Authorization: Bearer $(waypost operators token)"
    http://127.0.0.1:8051/ops/jobs
    """
    if not name.strip():
        raise Invalid("the token needs the operator's name: add --as NAME")
    claims, lifetime = Operator(name=name).claims(), timedelta(minutes=minutes)
    console.print(sign(claims, _signing_key(), at=datetime.now(UTC), lifetime=lifetime), soft_wrap=True)
    print_to_stderr(f"valid for /ops, as {name}, for {minutes} minutes")


def _signing_key() -> OKPKey:
    """The private key of the service that signs tokens. Raises Misconfigured if no service signs
    tokens or the key is not readable.
    """
    for service in chosen_services(None):
        if service.signing_key is not None:
            return service.signing_key(Path(setting_of(service.name, variable("KEYS_DIRECTORY"))))
    raise Misconfigured("no service signs tokens: declare signing_key in the Service of one app")
