"""An access token, had as a program has it: a service account's key file, a signed assertion, the token endpoint.

It is good for an hour, which is longer than any run.
"""

from __future__ import annotations

import json
import time
from typing import Final
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import RSAKey

from bench.homes import PROJECT
from bench.processes import Homegraph

SCOPE: Final = "https://www.googleapis.com/auth/homegraph"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SECONDS: Final = 3_600


def access_token(server: Homegraph) -> str:
    """A new service account's access token. Raises Broken when one of the two calls is refused."""
    made = server.call(
        "POST",
        "/-/api/service-accounts",
        {**server.admin_bearer, "content-type": "application/json"},
        json.dumps({"project": PROJECT, "name": "bench"}).encode(),
    )
    key_file = made["key_file"]
    now = int(time.time())  # noqa: TID251  # the endpoint reads the same clock
    claims = {
        "iss": key_file["client_email"],
        "aud": key_file["token_uri"],
        "scope": SCOPE,
        "iat": now,
        "exp": now + SECONDS,
    }
    header = {"alg": "RS256", "kid": key_file["private_key_id"]}
    assertion = jwt.encode(header, claims, RSAKey.import_key(key_file["private_key"]))
    form = urlencode({"grant_type": GRANT, "assertion": assertion}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    token: str = server.call("POST", "/token", headers, form)["access_token"]
    return token
