"""A certificate authority of one stack or test, and the certificates that it signs. For
development: the authority's key is in a file beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from waypost.native.ports import LOOPBACK

YEARS = timedelta(days=3650)
RENEWED_BEFORE = timedelta(days=30)
CLOCK_DIFFERENCE = timedelta(hours=1)
LOCAL_NAMES = ("localhost", LOOPBACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    certificate: Path
    """PEM file."""
    key: Path
    """PEM file, readable by its owner."""
    both: Path
    """PEM file with the key and the certificate, as Kafka reads them."""


class CertificateAuthority:
    """Keeps its files in one folder. Loads what exists; creates what is missing."""

    def __init__(self, directory: Path, name: str = "waypost development") -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        self.certificate = directory / "ca.pem"
        """PEM file for the clients."""
        key_file = directory / "ca.key"
        if not (key_file.exists() and self.certificate.exists()):
            key = ec.generate_private_key(ec.SECP256R1())
            _write(key_file, _key_text(key))
            _write(self.certificate, _text(_authority(name, key)))
        self._key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        self._own = x509.load_pem_x509_certificate(self.certificate.read_bytes())

    def certificate_of(self, name: str, *, hosts: Sequence[str] = LOCAL_NAMES) -> Certificate:
        """The certificate of a server or client. A new one if there is none that is valid for a
        further month.
        """
        files = self._files(name)
        if files.certificate.exists() and files.key.exists() and files.both.exists():
            existing = x509.load_pem_x509_certificate(files.certificate.read_bytes())
            if existing.not_valid_after_utc > datetime.now(UTC) + RENEWED_BEFORE:
                return files
        return self.issue(name, hosts=hosts)

    def issue(
        self,
        name: str,
        *,
        hosts: Sequence[str] = LOCAL_NAMES,
        valid_from: datetime | None = None,
        valid_until: datetime | None = None,
    ) -> Certificate:
        """Replaces the files of the name by a new certificate for these hosts."""
        files, now = self._files(name), datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(name, key)
            .issuer_name(self._own.subject)
            .not_valid_before(valid_from or now - CLOCK_DIFFERENCE)
            .not_valid_after(valid_until or now + YEARS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._own.public_key()),  # type: ignore[arg-type]  # an EC key
                critical=False,
            )
        )
        certificate = _text(builder.sign(self._key, hashes.SHA256()))  # type: ignore[arg-type]  # an EC key
        _write(files.key, _key_text(key))
        _write(files.certificate, certificate)
        _write(files.both, _key_text(key) + certificate)
        return files

    def _files(self, name: str) -> Certificate:
        return Certificate(
            certificate=self._directory / f"{name}.crt",
            key=self._directory / f"{name}.key",
            both=self._directory / f"{name}.pem",
        )


def _authority(name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        _builder(name, key)
        .issuer_name(_name(name))
        .not_valid_before(now - CLOCK_DIFFERENCE)
        .not_valid_after(now + YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _builder(name: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_text(key: ec.EllipticCurvePrivateKey) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _text(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write(file: Path, content: bytes) -> None:
    """Replaces the file: a reader sees the old content or the new one."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.touch(mode=0o600)
    unfinished.write_bytes(content)
    unfinished.replace(file)
