"""Certificates for tests: an authority, and what it signs; all made anew, good for an hour."""

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Identity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self):
        """The certificate, as a file has it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self):
        """The key, as a file has it."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def context(self, folder):
        """What a server speaks TLS with."""
        file = folder / f"{self.certificate.serial_number}.pem"
        file.write_text(self.pem + self.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def an_authority(name="Test Authority"):
    """One that signs itself."""
    return _made(name, None, is_authority=True)


def a_certificate(*names, by=None, days=1):
    """One for these host names and addresses; without ``by`` it is self-signed, with ``days=0`` it has ended."""
    return _made(names[0], by, names=names, ends=timedelta(days=days))


def _made(common, by, *, names=(), is_authority=False, ends=timedelta(days=1)):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    now = datetime.now(UTC)  # noqa: TID251  # certificates are compared with the machine's clock
    signer = by.key if by else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + ends - timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if names:
        alternatives = x509.SubjectAlternativeName([_name(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    return Identity(builder.sign(signer, hashes.SHA256()), key)


def _name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
