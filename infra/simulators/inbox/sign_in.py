"""Encryption and sign-in of the SMTP side."""

import hmac
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import AuthResult, LoginPassword


def smtp_encryption(certificate_file: Path | None, key_file: Path | None) -> Mapping[str, Any]:
    """Arguments of aiosmtpd's SMTP: clients must use STARTTLS. None without a certificate."""
    if certificate_file is None:
        return {}
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate_file, key_file)
    return {"tls_context": context, "require_starttls": True}


def smtp_sign_in(user: str | None, password: str | None) -> Mapping[str, Any]:
    """Arguments of aiosmtpd's SMTP: clients must sign in (RFC 4954). None without a user."""
    if user is None or password is None:
        return {}
    expected = LoginPassword(user.encode(), password.encode())

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        is_right = (
            isinstance(given, LoginPassword)
            and hmac.compare_digest(given.login, expected.login)
            and hmac.compare_digest(given.password, expected.password)
        )
        return AuthResult(success=is_right, handled=False)

    return {"authenticator": authenticate, "auth_required": True}
