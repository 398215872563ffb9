"""Key files of service accounts, in the format that Google's console hands out: made here, and read.

Making one means making an RSA key; that takes a tenth of a second of pure computing, so it is done in a thread. The private
half goes into the file and nowhere else: what the house keeps is a ``ServiceKey`` with the public half.

A file that homegraph.toml lists may come from Google itself: then unmodified programs, which go on using it, are known here, too.
Only its name, the id of its key and the public half are taken from it.

The rule that is easily broken: the private half passes through here in the clear. It is in no error, no ``repr`` and no log
line; and a file that cannot be read is described by its path alone.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from homegraph.errors import SettingsError
from homegraph.service.declared_files import declared_bytes

KEY_BITS: Final = 2_048
"""What Google makes, and the least that is accepted."""

KEY_BITS_MAX: Final = 8_192
"""The most that is accepted: verifying a signature costs more with every bit."""

FILE_BYTES_MAX: Final = 64 * 1024
"""A key file has two to eight kilobytes; beyond it, somebody named the wrong file."""

KEY_ID_CHARACTERS: Final = 40
"""Hexadecimal digits of a private_key_id, as many as Google's have."""

CLIENT_ID_DIGITS: Final = 21
"""Decimal digits of a client_id, as many as Google's have."""

_AUTH_URI: Final = "https://accounts.google.com/o/oauth2/auth"
_CERTS: Final = "https://www.googleapis.com/oauth2/v1/certs"
_CERTS_OF: Final = "https://www.googleapis.com/robot/v1/metadata/x509/"
# Libraries refuse to work with a file of another universe than their own.
_UNIVERSE: Final = "googleapis.com"


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """A key file, with its members in Google's order. Our server signs no certificates, so those two addresses are Google's."""

    type: str
    project_id: str
    private_key_id: str
    private_key: str
    client_email: str
    client_id: str
    auth_uri: str
    token_uri: str
    auth_provider_x509_cert_url: str
    client_x509_cert_url: str
    universe_domain: str

    def __repr__(self) -> str:
        """Show whose it is, and nothing of the key."""
        return f"KeyFile(client_email={self.client_email!r}, private_key_id={self.private_key_id!r}, …)"


@dataclass(frozen=True, slots=True)
class KeyHalf:
    """The half of a key that may be kept: whose it is, its id, and the public key in PEM."""

    email: str
    id: str
    public_pem: bytes = field(repr=False)


async def make_key_file(project_id: str, email: str, token_uri: str) -> tuple[KeyFile, KeyHalf]:
    """Make a key for a service account: the file that holds it, and the half that is kept."""
    private = await asyncio.to_thread(rsa.generate_private_key, 65537, KEY_BITS)
    half = _half(private, email)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = KeyFile(
        type="service_account",
        project_id=project_id,
        private_key_id=half.id,
        private_key=pem.decode(),
        client_email=email,
        client_id=_client_id(email),
        auth_uri=_AUTH_URI,
        token_uri=token_uri,
        auth_provider_x509_cert_url=_CERTS,
        client_x509_cert_url=_CERTS_OF + email.replace("@", "%40"),
        universe_domain=_UNIVERSE,
    )
    return file, half


def _client_id(email: str) -> str:
    """A number that is always the same for an account; nothing looks at it, but it is a member of the format."""
    least = 10 ** (CLIENT_ID_DIGITS - 1)
    digest = int.from_bytes(hashlib.sha256(email.encode()).digest(), "big")
    return str(least + digest % least)


class _Found(msgspec.Struct):
    """What is read of a key file."""

    type: str
    private_key: str
    client_email: str
    private_key_id: str = ""


def read_key_file(path: Path) -> KeyHalf:
    """Read a key file, of ours or of Google's.

    Raises:
        SettingsError: it cannot be read, or is no key file with an RSA key of at least 2,048 bits.
    """
    content = declared_bytes(path, FILE_BYTES_MAX)
    try:
        found = msgspec.json.decode(content, type=_Found)
    except (ValueError, RecursionError):
        raise _no_key_file(path) from None  # the cause may quote the key
    if found.type != "service_account" or "@" not in found.client_email:
        raise _no_key_file(path)
    half = _half(_private_key(found.private_key, path), found.client_email)
    return KeyHalf(half.email, found.private_key_id or half.id, half.public_pem)


def _private_key(pem: str, path: Path) -> rsa.RSAPrivateKey:
    try:
        private = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SettingsError("its private_key is damaged", place=str(path)) from None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise SettingsError("its private_key is no RSA key", place=str(path))
    if not KEY_BITS <= private.key_size <= KEY_BITS_MAX:
        raise SettingsError(
            f"its private_key has {private.key_size} bits; {KEY_BITS} to {KEY_BITS_MAX} are accepted",
            place=str(path),
        )
    return private


def _half(private: rsa.RSAPrivateKey, email: str) -> KeyHalf:
    public_pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return KeyHalf(email, hashlib.sha256(public_pem).hexdigest()[:KEY_ID_CHARACTERS], public_pem)


def _no_key_file(path: Path) -> SettingsError:
    return SettingsError(
        "is no key file of a service account (type, client_email and private_key in JSON)",
        place=str(path),
    )
