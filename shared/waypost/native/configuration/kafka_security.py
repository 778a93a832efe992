"""Properties of a broker with TLS, sign-in and access rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from waypost.native.configuration.kafka import Listener

SECURE_LISTENER = "SASL_SSL"
CONTROLLER = "CONTROLLER"
MUTUAL_TLS_LISTENER = "SSL"
BROKER_USER = "broker"
"""The brokers' own user. It may do everything."""
OWN_MECHANISM = "PLAIN"
"""The sign-in of the brokers to each other. It is always enabled."""

_MODULES = "org.apache.kafka.common.security"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSecurity:
    """Clients sign in over TLS, and may do only what access rules allow; `broker` may do all.

    The brokers sign in to each other by PLAIN, whose passwords are in `server.properties`: SCRAM
    users are stored in the cluster, so that the first one cannot create it.
    """

    keystore: Path
    """PEM file with the private key and the certificate of the broker."""
    truststore: Path
    """PEM file of the authorities that sign the certificates of brokers and clients."""
    broker_password: str = field(repr=False)
    mechanisms: Sequence[str] = ("SCRAM-SHA-512",)
    """Mechanisms of the clients, apart from PLAIN. OAUTHBEARER accepts every unsigned token, for
    any user: only a test may enable it.
    """
    session_milliseconds: int | None = None
    """Maximum length of a client's session (`connections.max.reauth.ms`)."""

    def protocols(self, listeners: Mapping[str, Listener]) -> Mapping[str, str]:
        """Security protocol by listener: its own name for `SSL` and `SASL_SSL`."""
        known = (SECURE_LISTENER, MUTUAL_TLS_LISTENER)
        return {name: name if name in known else "PLAINTEXT" for name in listeners} | {CONTROLLER: "SASL_SSL"}

    def properties(self) -> str:
        lines = {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.keystore),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.truststore),
            # The user of a client certificate is its common name.
            "ssl.principal.mapping.rules": r"RULE:^CN=([^,]+).*$/$1/,DEFAULT",
            "listener.name.ssl.ssl.client.auth": "required",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{BROKER_USER}",
            "sasl.enabled.mechanisms": ",".join(dict.fromkeys((*self.mechanisms, OWN_MECHANISM))),
            "sasl.mechanism.inter.broker.protocol": OWN_MECHANISM,
            "sasl.mechanism.controller.protocol": OWN_MECHANISM,
            "listener.name.controller.sasl.enabled.mechanisms": OWN_MECHANISM,
            "listener.name.controller.plain.sasl.jaas.config": self._plain(),
            "listener.name.sasl_ssl.plain.sasl.jaas.config": self._plain(),
            **{
                f"listener.name.sasl_ssl.{mechanism.lower()}.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;"
                for mechanism in self.mechanisms
                if mechanism.startswith("SCRAM")
            },
        }
        if "OAUTHBEARER" in self.mechanisms:
            lines["listener.name.sasl_ssl.oauthbearer.sasl.jaas.config"] = (
                f'{_MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="{BROKER_USER}";'
            )
        if self.session_milliseconds is not None:
            lines["connections.max.reauth.ms"] = str(self.session_milliseconds)
        return "".join(f"{name}={_escaped(value)}\n" for name, value in lines.items())

    def _plain(self) -> str:
        own = f'username="{BROKER_USER}" password="{self.broker_password}" user_{BROKER_USER}="{self.broker_password}"'
        return f"{_MODULES}.plain.PlainLoginModule required {own};"


def _escaped(value: str) -> str:
    """A value of a Java properties file."""
    return value.replace("\\", "\\\\")
