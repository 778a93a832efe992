"""The connection to the brokers in Faust's terms."""

from collections.abc import Mapping
from typing import Any

from faust.auth import OAuthCredentials, SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT

from waypost.kafka.client_arguments import client_arguments
from waypost.ports.brokers import Brokers


def faust_arguments(brokers: Brokers) -> Mapping[str, Any]:
    """Keyword arguments of `faust.App`. Raises Misconfigured for files that cannot be read."""
    arguments = client_arguments(brokers)
    address = f"kafka://{arguments['bootstrap_servers']}"
    return {"broker": address, "broker_credentials": _credentials(arguments)}


def _credentials(arguments: Mapping[str, Any]) -> CredentialsT | None:
    context = arguments.get("ssl_context")
    if (provider := arguments.get("sasl_oauth_token_provider")) is not None:
        return OAuthCredentials(oauth_cb=provider, ssl_context=context)
    if (mechanism := arguments.get("sasl_mechanism")) is not None:
        return SASLCredentials(
            username=arguments["sasl_plain_username"],
            password=arguments["sasl_plain_password"],
            ssl_context=context,
            mechanism=mechanism,
        )
    return None if context is None else SSLCredentials(context)
