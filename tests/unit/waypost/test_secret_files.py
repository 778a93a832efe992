"""A secret whose file is empty or missing for a while keeps its last value."""

from pathlib import Path

import pytest
import structlog
from aiokafka.errors import KafkaError, SaslAuthenticationFailed

from waypost.kafka.client_arguments import TokenFile
from waypost.kafka.expiring_connection import ExpiringConnection
from waypost.kafka.prompt_connection import PromptConnection
from waypost.kafka.secret_files import SecretFile
from waypost.kernel.errors import Misconfigured


@pytest.mark.parametrize(
    "spoil", [lambda file: file.write_text(" "), Path.unlink, lambda file: file.write_bytes(b"\xff")]
)
async def test_a_file_that_cannot_be_read_keeps_its_last_secret(tmp_path: Path, spoil: object) -> None:
    file = tmp_path / "secret"
    file.write_text("first\n")
    token = TokenFile(file)
    assert SecretFile(file).read() == await token.token() == "first"
    assert callable(spoil)
    spoil(file)
    with structlog.testing.capture_logs() as logs:
        assert SecretFile(file).read() == await token.token() == "first"
    assert {entry["event"] for entry in logs} == {"secret_not_reloaded"}
    file.write_text("second")
    assert SecretFile(file).read() == await token.token() == "second"


def test_a_file_that_never_had_a_secret_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot read the secret"):
        SecretFile(tmp_path / "missing").read()
    with pytest.raises(Misconfigured, match="cannot read the secret"):
        TokenFile(tmp_path / "missing")


async def test_a_connection_without_a_secret_fails_with_an_error_of_kafka(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka's background tasks end with any other error."""
    password = ExpiringConnection(
        "127.0.0.1", 1, security_protocol="SASL_PLAINTEXT", sasl_mechanism="SCRAM-SHA-512", request_timeout_ms=1000,
        sasl_plain_username="ada", sasl_plain_password=SecretFile(tmp_path / "missing"),
    )  # fmt: skip
    with pytest.raises(SaslAuthenticationFailed, match="cannot read the secret"):
        await password._do_sasl_handshake()

    async def no_token(self: object) -> None:
        raise Misconfigured("the token is gone")

    monkeypatch.setattr(PromptConnection, "_do_sasl_handshake", no_token)
    token = ExpiringConnection("127.0.0.1", 1, request_timeout_ms=1000)
    with pytest.raises(KafkaError, match="the token is gone"):
        await token._do_sasl_handshake()
