"""The variables that configure every process, and the processes that receive each. A process
receives only what it needs.

| variable | given to | meaning |
|---|---|---|
| WAYPOST_PORT_BASE | all | base of the stack's ports, default 8000 |
| WAYPOST_SERVICE_PORT | api, worker, jobs, live, simulators | its HTTP port |
| WAYPOST_MANAGEMENT_ADDRESS | api | its metrics, operator routes and documents |
| WAYPOST_OWNER_DSN | migrate, command | `postgresql://…` of the role `<service>_owner` |
| WAYPOST_APP_DSN | api, worker, jobs, command | … of `<service>_app` |
| WAYPOST_RELAY_DSN | worker | … of `<service>_relay` |
| WAYPOST_OPS_DSN | api, command | … of `<service>_ops` |
| WAYPOST_CONNECTION_BUDGET | api, worker, jobs | shared limit, see `infra.postgres.connections` |
| WAYPOST_KAFKA_BOOTSTRAP | all | `host:port` of each broker, separated by commas |
| WAYPOST_KAFKA_… | api, worker, live, command | encryption and sign-in; of a secure stack |
| WAYPOST_SMTP_HOST, WAYPOST_SMTP_PORT | notifications, mail | the mail server |
| WAYPOST_SMTP_… | notifications, mail | encryption and sign-in |
| WAYPOST_PAYMENTS_URL | billing, payments | the card provider |
| WAYPOST_PAYMENTS_WEBHOOK_SECRET | billing, payments | signs the provider's webhooks |
| WAYPOST_PAYMENTS_WEBHOOK_URL | payments | where the provider sends them |
| WAYPOST_IDEMPOTENCY_SECRET | all | keys the hashes of request bodies; one per service |
| WAYPOST_JWKS_URL | all but users | public keys of the access tokens |
| WAYPOST_PUBLIC_URL | notifications | prefix of links in mails |
| WAYPOST_UNSUBSCRIBE_URL | notifications | prefix of unsubscribe links in mails |
| WAYPOST_WEBHOOKS_TO_PRIVATE_NETWORKS | notifications | permits local receivers |
| WAYPOST_KEYS_DIRECTORY | all | the service's own keys, see `infra.stack.keys` |
| WAYPOST_DATA_DIRECTORY | payments, mail | a simulator's data folder |
| WAYPOST_PAGES | start-page | the pages that it lists, as JSON, see `infra.start_page.pages` |
| OTEL_TRACES_EXPORTER | all | `zipkin` unless already set |
| OTEL_EXPORTER_ZIPKIN_ENDPOINT | all | where spans are sent |
| OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG | all | which new traces are recorded; if set |
| WAYPOST_SPANS_PER_SECOND | all | limit of the spans of records and jobs; if set |
| WAYPOST_RATE_LIMITING, WAYPOST_RATE_LIMITS | all | see `docs/guide/limits.md`; if set |
| WAYPOST_TRUSTED_PROXIES | all | networks of proxies whose `X-Forwarded-For` counts; if set |

`command` is the `waypost` command: it reads `<service>.env` in WAYPOST_ENVIRONMENT_DIRECTORY, one
`NAME=value` a line.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from infra.postgres.connections import max_connections
from infra.stack.addresses import Addresses
from infra.stack.keys import Keys
from infra.stack.security import MAIL_USER, security_of
from infra.start_page.pages import page_groups, pages_as_json
from waypost.hosting.kafka_users import COMMAND, KAFKA_PROCESSES, user_of
from waypost.hosting.processes import ServiceProcess
from waypost.ports.brokers import variables_of
from waypost.postgres.provisioning.databases import service_database
from waypost.telemetry.tracing import SAMPLER_ARGUMENT_VARIABLE, SAMPLER_VARIABLE, SPANS_VARIABLE

Environment = Mapping[str, str]


DSNS_OF = {
    ServiceProcess.MIGRATE: ("owner",),
    ServiceProcess.API: ("app", "ops"),
    ServiceProcess.WORKER: ("app", "relay"),
    ServiceProcess.JOBS: ("app",),
    ServiceProcess.LIVE: (),
}
SAMPLING = (SAMPLER_VARIABLE, SAMPLER_ARGUMENT_VARIABLE, SPANS_VARIABLE)
LIMITS = ("WAYPOST_RATE_LIMITING", "WAYPOST_RATE_LIMITS", "WAYPOST_TRUSTED_PROXIES")
COMMAND_DSNS = ("owner", "app", "ops")
MANAGEMENT_ADDRESS = "WAYPOST_MANAGEMENT_ADDRESS"


class Environments:
    """Builds the environments of one stack from its addresses and keys.

    Processes reach each other at `addresses`; browsers reach the stack at `outside`. Both are equal
    on this machine without containers.
    """

    def __init__(self, addresses: Addresses, keys: Keys, *, outside: Addresses | None = None) -> None:
        self._addresses = addresses
        self._outside = outside or addresses
        self._keys = keys
        self.security = security_of(addresses, keys)

    def process(self, service: str, process: ServiceProcess) -> Environment:
        """Environment of `python -m services.<service> <process>`."""
        own = {**self._service(service), **self._dsns(service, DSNS_OF[process])}
        if "app" in DSNS_OF[process]:
            own["WAYPOST_CONNECTION_BUDGET"] = str(max_connections())
        if process in KAFKA_PROCESSES:
            own.update(self._kafka(user_of(service, process)))
        if process is not ServiceProcess.MIGRATE:
            own["WAYPOST_SERVICE_PORT"] = str(self._addresses.port(f"{service}-{process}"))
        if process is ServiceProcess.API:
            own[MANAGEMENT_ADDRESS] = str(self._addresses.port(f"{service}-management"))
        return own

    def command(self, service: str) -> Environment:
        """Environment of the `waypost` command for a service."""
        kafka = self._kafka(user_of(service, COMMAND))
        return {**self._service(service), **kafka, **self._dsns(service, COMMAND_DSNS)}

    def simulator(self, name: str, data: Path) -> Environment:
        """Environment of a process that is not a service: `payments`, `mail`, `registry`,
        `start-page`. A simulator stores its data in `data`.
        """
        own = {"WAYPOST_SERVICE_PORT": str(self._addresses.port(name)), "WAYPOST_DATA_DIRECTORY": str(data)}
        if name == "payments":
            own["WAYPOST_PAYMENTS_WEBHOOK_URL"] = f"{self._addresses.billing}/webhooks/payments"
            own.update(self._payments())
        if name == "mail":
            own.update(self._mail_server())
        if name == "start-page":
            own["WAYPOST_PAGES"] = pages_as_json(page_groups(self._outside, probed_at=self._addresses))
        return {**self._shared(), **own}

    def one_shot(self) -> Environment:
        """Environment of `python -m infra.kafka`."""
        if self.security is None:
            return self._shared()
        passwords = str(self.security.passwords_directory)
        administrator = variables_of(self.security.administrator)
        return {**self._shared(), **administrator, "WAYPOST_KAFKA_PASSWORDS_DIRECTORY": passwords}

    def _kafka(self, user: str) -> Environment:
        return variables_of(self.security.brokers(user)) if self.security else {}

    def _service(self, service: str) -> dict[str, str]:
        own = {
            **self._shared(),
            "WAYPOST_KEYS_DIRECTORY": str(self._keys.of(service)),
            "WAYPOST_IDEMPOTENCY_SECRET": self._keys.secrets.idempotency_of(service),
        }
        if service == "billing":
            own.update(self._payments())
        if service == "notifications":
            own.update(self._smtp())
            own["WAYPOST_PUBLIC_URL"] = self._outside.users
            own["WAYPOST_UNSUBSCRIBE_URL"] = f"{self._outside.notifications}/unsubscribe"
            own["WAYPOST_WEBHOOKS_TO_PRIVATE_NETWORKS"] = "true"
        if service != "users":
            own["WAYPOST_JWKS_URL"] = self._addresses.jwks_url
        return own

    def _shared(self) -> dict[str, str]:
        at = self._addresses
        return {
            "WAYPOST_PORT_BASE": str(at.port_base),
            "WAYPOST_KAFKA_BOOTSTRAP": at.kafka_bootstrap,
            **{name: os.environ[name] for name in (*SAMPLING, *LIMITS) if name in os.environ},
            "OTEL_TRACES_EXPORTER": os.environ.get("OTEL_TRACES_EXPORTER", "zipkin"),
            "OTEL_EXPORTER_ZIPKIN_ENDPOINT": f"{at.url('zipkin')}/api/v2/spans",
        }

    def _smtp(self) -> dict[str, str]:
        own = {
            "WAYPOST_SMTP_HOST": self._addresses.host("smtp"),
            "WAYPOST_SMTP_PORT": str(self._addresses.port("smtp")),
        }
        if self.security is None:
            return {**own, "WAYPOST_SMTP_TLS": "none"}
        return {
            **own,
            "WAYPOST_SMTP_TLS": "starttls",
            "WAYPOST_SMTP_CA_FILE": str(self.security.ca_file),
            "WAYPOST_SMTP_USER": MAIL_USER,
            "WAYPOST_SMTP_PASSWORD_FILE": str(self.security.mail_password_file),
        }

    def _mail_server(self) -> dict[str, str]:
        own = {"WAYPOST_SMTP_PORT": str(self._addresses.port("smtp"))}
        if self.security is None:
            return own
        return {
            **own,
            "WAYPOST_SMTP_CERTIFICATE_FILE": str(self.security.mail.certificate),
            "WAYPOST_SMTP_KEY_FILE": str(self.security.mail.key),
            "WAYPOST_SMTP_USER": MAIL_USER,
            "WAYPOST_SMTP_PASSWORD_FILE": str(self.security.mail_password_file),
        }

    def _payments(self) -> dict[str, str]:
        return {
            "WAYPOST_PAYMENTS_URL": self._addresses.url("payments"),
            "WAYPOST_PAYMENTS_WEBHOOK_SECRET": self._keys.secrets.payments_webhook,
        }

    def _dsns(self, service: str, roles: tuple[str, ...]) -> dict[str, str]:
        database = service_database(self.admin_dsn, service, service, self._keys.secrets.passwords(service))
        return {f"WAYPOST_{role.upper()}_DSN": getattr(database, role) for role in roles}

    @property
    def admin_dsn(self) -> str:
        """DSN of PostgreSQL's superuser; only for the set-up, no process receives it. With a
        standby it names both servers: a client connects to the one that accepts writes.
        """
        at = self._addresses
        servers = ",".join(map(at.place, at.servers.database_names))
        parameters = ["target_session_attrs=read-write"] if "," in servers else []
        parameters += self.security.dsn_parameters if self.security else ()
        query = f"?{'&'.join(parameters)}" if parameters else ""
        return f"postgresql://postgres:{self._keys.secrets.superuser}@{servers}/postgres{query}"


def write_command_environments(environments: Environments, services: Iterable[str], directory: Path) -> None:
    """Writes `<directory>/<service>.env`, readable only by the owner: they contain passwords."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for service in services:
        file = directory / f"{service}.env"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name}={value}\n" for name, value in environments.command(service).items()))
