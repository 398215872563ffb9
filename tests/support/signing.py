"""RSA keys and what is signed with them, for tests: made with cryptography alone, so that nothing of ours checks itself."""

import base64
import json
from functools import cache

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

HOME_GRAPH = "https://www.googleapis.com/auth/homegraph"
TOKEN_URL = "https://oauth2.googleapis.com/token"
NOW = 1_000_000.0


def key(number=1, bits=2048):
    """One of several keys; always the same for a number within a test run, because making one takes a while."""
    return _key(number, bits)


@cache
def _key(_number, bits):
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def private_pem(one):
    """The private half as key files have it."""
    return one.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public_pem(one):
    """The public half as it is kept."""
    return one.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def key_file(url, **members):
    """A key file of Google's form whose token endpoint is at ``url``; a member that is None is left out."""
    content = {
        "type": "service_account",
        "project_id": "acme",
        "private_key_id": "kid-1",
        "private_key": private_pem(key()),
        "client_email": "sync@acme.iam.gserviceaccount.com",
        "token_uri": f"{url}/token",
        **members,
    }
    return {name: value for name, value in content.items() if value is not None}


def encoded(part):
    """A part of a JWT."""
    data = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def claims(**members):
    """Claims of a good assertion; a member that is None is left out."""
    made = {
        "iss": "sync@acme.iam.gserviceaccount.com",
        "scope": HOME_GRAPH,
        "aud": TOKEN_URL,
        "iat": NOW,
        "exp": NOW + 3600,
        **members,
    }
    return {name: value for name, value in made.items() if value is not None}


def signed(payload, *, by=None, header=None):
    """A JWT with these claims (or bytes) and header members, signed by a key."""
    head = {"alg": "RS256", "typ": "JWT", **(header or {})}
    text = f"{encoded(head)}.{encoded(payload)}"
    signature = (by or key()).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{encoded(signature)}"


def macced(payload, secret, *, algorithm="HS256"):
    """A JWT with a MAC in place of a signature."""
    text = f"{encoded({'alg': algorithm, 'typ': 'JWT'})}.{encoded(payload)}"
    mac = hmac.HMAC(secret, hashes.SHA256())
    mac.update(text.encode())
    return f"{text}.{encoded(mac.finalize())}"
