"""`waypost token --dev`"""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from waypost.cli.answers import explained
from waypost.cli.development import development_token, development_user
from waypost.cli.output import console, print_to_stderr
from waypost.cli.services import chosen_services, setting_of, start_hint
from waypost.hosting.runtime import runtime_for_command
from waypost.hosting.service import Service
from waypost.kernel.errors import Invalid, Misconfigured, Transient
from waypost.kernel.role import Role
from waypost.project import variable
from waypost.web.principal import Principal
from waypost.web.tokens import sign

MAX_MINUTES = 24 * 60


def token(
    dev: Annotated[bool, typer.Option("--dev", help="Required: confirms that the token is for development.")] = False,
    role: Annotated[Role, typer.Option(help="Role of the user in the tenant.")] = Role.OWNER,
    tenant: Annotated[
        str, typer.Option(help="Name of the tenant. It is created if it does not exist.")
    ] = "Development",
    minutes: Annotated[int, typer.Option(min=1, max=MAX_MINUTES, help="Lifetime of the token.")] = 60,
) -> None:
    """Prints an access token of a development user.

    For example: curl -H "Authorization: Bearer $(waypost token --dev)"
    http://127.0.0.1:8002/invoices
    """
    if not dev:
        raise Invalid(
            "POST /login issues a user's token, `waypost operators token` an operator's;"
            " for a development user add --dev"
        )
    lifetime, service = timedelta(minutes=minutes), _signing_service()
    if service is None:
        user = development_user(tenant, role)
        printed = development_token(user, lifetime)
    else:
        keys = Path(setting_of(service.name, variable("KEYS_DIRECTORY")))
        user = asyncio.run(_user_of(service, keys, tenant, role))
        assert service.signing_key is not None  # noqa: S101 - chosen for it
        printed = sign(user.claims(), service.signing_key(keys), at=datetime.now(UTC), lifetime=lifetime)
    console.print(printed, soft_wrap=True)
    print_to_stderr(f"{role} of the tenant {tenant!r} ({user.tenant_id}), valid for {minutes} minutes")


def _signing_service() -> Service | None:
    """The service that signs tokens; None if no service does: then the local stack signs tokens for
    development.
    """
    for service in chosen_services(None):
        if service.signing_key is not None and service.development_user is not None:
            return service
    return None


async def _user_of(service: Service, keys: Path, tenant: str, role: Role) -> Principal:
    """Raises Misconfigured where no database answers."""
    dsn = setting_of(service.name, variable("APP_DSN"))
    assert service.development_user is not None  # noqa: S101 - _signing_service chose it
    try:
        async with runtime_for_command(service, dsn=dsn) as runtime:
            with explained(service.name):
                return await service.development_user(runtime.bus, keys, tenant, role)
    except (Transient, OSError) as error:
        raise Misconfigured(f"the database of {service.name} does not answer ({error}). {start_hint()}") from error
