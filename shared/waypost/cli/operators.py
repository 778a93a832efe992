"""`waypost operators token`"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from joserfc.jwk import OKPKey

from waypost.cli.audit_options import As
from waypost.cli.output import console, remark
from waypost.cli.services import chosen_services, setting_of
from waypost.kernel.errors import Invalid, Misconfigured
from waypost.project import variable
from waypost.web.auth import Operator
from waypost.web.tokens import sign

LONGEST_MINUTES = 60

commands = typer.Typer(no_args_is_help=True, help="Those who run the system.")


@commands.command()
def token(
    name: As,
    minutes: Annotated[int, typer.Option(min=1, max=LONGEST_MINUTES, help="How long it opens anything.")] = 10,
) -> None:
    """A token for the routes under /ops of every service: `curl -H "Authorization: Bearer $(waypost
    operators token)" …/ops/jobs`
    """
    if not name.strip():
        raise Invalid("an operator's token names who holds it: --as NAME")
    claims, lifetime = Operator(name=name).claims(), timedelta(minutes=minutes)
    console.print(sign(claims, _signing_key(), at=datetime.now(UTC), lifetime=lifetime), soft_wrap=True)
    remark(f"opens /ops for {name}, {minutes} minutes long")


def _signing_key() -> OKPKey:
    """Of the service that signs tokens. Raises Misconfigured where it cannot be read."""
    for service in chosen_services(None):
        if service.signing_key is not None:
            return service.signing_key(Path(setting_of(service.name, variable("KEYS_DIRECTORY"))))
    raise Misconfigured("no service of this checkout signs tokens: none declares a signing_key in its app")
