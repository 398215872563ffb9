"""The vault: seals what we hold for others (tokens, client secrets) and hashes what we hand out (API keys).

Sealing is AES-256-GCM with a key file of mode 0600 in the data folder, or from ``HOMEGRAPH_ENCRYPTION_KEY``. A sealed value
is bound to its place (project, user, kind): moved to another row it does not open. A fresh nonce each time, so equal secrets do not look
equal. API keys are random 210-bit strings, so a plain SHA-256 is enough to keep them from being read back.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from homegraph.errors import KeyMismatch, SettingsError
from homegraph.store import whole_files

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
FINGERPRINT_CHARACTERS: Final = 32
_VERSION: Final = b"\x01"


class Vault:
    """Seals and opens secrets with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher = AESGCM(key)

    def seal(self, secret: str, *place: str) -> bytes:
        """Seal ``secret`` for its place. An empty secret stays empty."""
        if not secret:
            return b""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, secret.encode(), _bound(place))

    def open(self, sealed: bytes, *place: str) -> str:
        """Open what was sealed for this place.

        Raises:
            KeyMismatch: sealed with another key, or for another place.
        """
        if not sealed:
            return ""
        nonce, text = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, text, _bound(place)).decode()
        except InvalidTag as exc:
            raise KeyMismatch(
                "A stored token cannot be opened: the encryption key is not the one it was sealed with."
            ) from exc

    def fingerprint(self) -> str:
        """By what a key is known again; it tells nothing about the key."""
        return hmac.digest(self._key, b"homegraph fingerprint", "sha256").hex()[
            :FINGERPRINT_CHARACTERS
        ]

    def signing_key(self, purpose: str) -> bytes:
        """A key for signing, of one purpose; it tells nothing about the key of the vault."""
        return hmac.digest(self._key, b"homegraph signing: " + purpose.encode(), "sha256")


def digest(secret: str) -> bytes:
    """What we keep of a secret that we hand out."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def fresh_key() -> bytes:
    """A new key."""
    return secrets.token_bytes(KEY_BYTES)


def load_key(path: Path, from_environment: str = "") -> bytes:
    """The encryption key: from the environment (base64, 32 bytes), else from the file, which is made when missing.

    Raises:
        SettingsError: it has not 32 bytes, or cannot be read.
    """
    encoded = from_environment or secret_file(path, lambda: base64.b64encode(fresh_key()).decode())
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _bad_key(path, from_environment) from exc
    if len(key) != KEY_BYTES:
        raise _bad_key(path, from_environment)
    return key


def secret_file(path: Path, make: Callable[[], str]) -> str:
    """Read a file of mode 0600, or make it. Two servers that start at once end up with the same content."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write_once(path, make())
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is no text"
        raise SettingsError(
            f"{path} cannot be used: {why}",
            hint="It is in the data folder (data_dir, --data-dir), where the user who runs the server must be allowed to read and write.",
        ) from exc


def _write_once(path: Path, text: str) -> None:
    """Write a private file whole or not at all, and never over one that is there."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        whole_files.name(draft, path)
    except FileExistsError:
        return  # another server was first; its content counts
    finally:
        draft.unlink(missing_ok=True)


def _bound(place: tuple[str, ...]) -> bytes:
    return "\x1f".join(place).encode()


def _bad_key(path: Path, from_environment: str) -> SettingsError:
    where = "HOMEGRAPH_ENCRYPTION_KEY" if from_environment else str(path)
    return SettingsError("expected 32 bytes in base64", place=where)
