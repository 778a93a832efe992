"""The users service: commands, projections, consumers, jobs and routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from schemas.users import PersonKeyCreated, PersonKeyDestroyed
from services.users.adapters import keys
from services.users.adapters.access_tokens import SignedAccessTokens
from services.users.adapters.common_passwords import common_passwords
from services.users.adapters.development import development_user
from services.users.adapters.one_time_tokens import SealedBoxSealer
from services.users.adapters.passwords import Argon2Passwords
from services.users.adapters.tenant_ids import KeyedTenantIds
from services.users.handlers import COMMANDS, CONSUMERS
from services.users.handlers.authorization import authorize
from services.users.jobs import JOBS, SCHEDULE
from services.users.ports import JobResources, Resources
from services.users.projections import PROJECTIONS
from services.users.settings import UsersSettings
from services.users.tables import SECRETS, UNPUBLISHED
from waypost.engine.person_keys import PERSON_KEY_TABLES
from waypost.hosting.service import Service
from waypost.hosting.settings import load
from waypost.ports.person_keys import PersonKeyDeclaration, PersonKeyEvents
from waypost.web.tokens import KeySource


@asynccontextmanager
async def resources() -> AsyncIterator[Resources]:
    settings = load(UsersSettings)
    common_passwords()  # read before the first request
    yield Resources(
        passwords=Argon2Passwords(threads=settings.password_threads, queue=settings.password_queue),
        sealer=SealedBoxSealer(*keys.sealing_key(settings.keys_directory)),
        access_tokens=SignedAccessTokens(keys.signing_key_file(settings.keys_directory)),
        tenant_ids=KeyedTenantIds(settings.idempotency_secret.get_secret_value().encode()),
    )


@asynccontextmanager
async def job_resources() -> AsyncIterator[JobResources]:
    settings = load(UsersSettings)
    yield JobResources(sealer=SealedBoxSealer(*keys.sealing_key(settings.keys_directory)))


def token_keys(opened: Resources) -> KeySource:
    return opened.access_tokens.keys


SERVICE = Service(
    name="users",
    commands=COMMANDS,
    projections=PROJECTIONS,
    consumers=CONSUMERS,
    tables=[SECRETS, UNPUBLISHED, PERSON_KEY_TABLES],
    jobs=JOBS,
    schedule=SCHEDULE,
    api="services.users.api",
    authorize=authorize,
    api_resources=resources,
    token_keys=token_keys,
    signing_key=keys.signing_key,
    development_user=development_user,
    job_resources=job_resources,
    person_keys=PersonKeyDeclaration(
        publishes=PersonKeyEvents(created=PersonKeyCreated, destroyed=PersonKeyDestroyed),
    ),
)
