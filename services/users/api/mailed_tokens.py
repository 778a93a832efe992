"""The one-time tokens of mailed links."""

from services.users.api.models import Token
from services.users.domain import OpaqueToken, TokenNotValid


def parse_token(body: Token) -> OpaqueToken:
    """Raises TokenNotValid for a text that this service cannot have issued."""
    token = OpaqueToken.parse(body.token)
    if token is None:
        raise TokenNotValid
    return token
