"""Values of fields by their names, for the examples of the OpenAPI document."""

from collections.abc import Mapping

EXAMPLES: Mapping[str, object] = {
    "access_token": "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIwMWEyMTMyNyJ9.c2lnbmF0dXJl",
    "current_password": "a long old password",
    "display_name": "Ada Lovelace",
    "expires_in": 600,
    "new_password": "a long new password",
    "password": "a long new password",
    "refresh_token": "01a21327-343b-78b8-828e-29818cbf217b.c2VjcmV0",
    "user_agent": "Mozilla/5.0",
}
