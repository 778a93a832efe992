"""The rate limits of the routes without an access token. They count per process (decision 0071).

Networks may hold many people behind one address, so their limits are far above what one person
needs. The limits of a tenant are far above those of a network: anyone who knows a tenant's id can
use them up for all its people.
"""

from waypost.web.rate_limits import Rate, RateKey, RouteClass

SIGN_IN = RouteClass(
    name="sign-in",
    reason="protects passwords from being guessed",
    rates={
        RateKey.NETWORK: Rate(requests=120, seconds=60),
        RateKey.ADDRESS: Rate(requests=30, seconds=60),
        RateKey.TENANT: Rate(requests=12_000, seconds=60),
    },
)
"""`handlers.sign_in_attempts` also delays an account after wrong passwords, over all processes."""

NEW_TENANT = RouteClass(
    name="new-tenant",
    reason="keeps tenants from being opened in bulk",
    rates={RateKey.NETWORK: Rate(requests=60, seconds=3600)},
)
SIGN_UP = RouteClass(
    name="sign-up",
    reason="keeps mails and accounts from being made in bulk",
    rates={
        RateKey.NETWORK: Rate(requests=120, seconds=600),
        RateKey.ADDRESS: Rate(requests=20, seconds=3600),
        RateKey.TENANT: Rate(requests=12_000, seconds=600),
    },
)
FORGOTTEN_PASSWORD = RouteClass(
    name="forgotten-password",
    reason="keeps mails from being sent in bulk",
    rates={
        RateKey.NETWORK: Rate(requests=60, seconds=600),
        RateKey.ADDRESS: Rate(requests=20, seconds=3600),
        RateKey.TENANT: Rate(requests=12_000, seconds=600),
    },
)
MAILED_LINK = RouteClass(
    name="mailed-link",
    reason="protects mailed links from being guessed",
    rates={RateKey.NETWORK: Rate(requests=120, seconds=60)},
)
REFRESH_TOKEN = RouteClass(
    name="refresh-token",
    reason="protects refresh tokens from being guessed",
    rates={RateKey.NETWORK: Rate(requests=1_200, seconds=60)},
)
