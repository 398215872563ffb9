"""Checks of what a token endpoint answers, by the rules that Google publishes for account linking.

The tokens themselves are never quoted: a finding tells which member is wrong, and of what kind it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from homegraph.graph.checks.rule import Rule, shown
from homegraph.graph.model import Finding
from homegraph.wire.oauth import read_token_members

BEARER: Final = "bearer"

LIFETIME_SECONDS_ADVISED_MAX: Final = 10 * 365 * 24 * 3_600
"""No access token is meant to live for ten years; a moment in time, or one in milliseconds, is beyond it."""

DIGITS_TOLD: Final = 20
"""Of a number that is quoted."""

SOURCE: Final = "Google's account linking guide and its validation tool"

# A JWT begins with a JSON object in base64url, hence with these letters, and has three parts.
_JWT: Final = re.compile(r"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


def check_tokens(
    body: bytes, *, previous: bytes | None = None, is_implicit: bool = False
) -> tuple[Finding, ...]:
    """Everything that is wrong with an answer of status 200; ``is_implicit``: with the fragment of the implicit flow, which is a form.

    ``previous`` is the answer before this one, or just ``{"access_token": …}``: then this is the answer to a refresh.
    """
    answer = read_token_members(body)
    members = answer.members
    access = members.get("access_token")
    if not isinstance(access, str) or not access:
        what = "The answer has no access_token." if members else "The answer is no JSON object."
        return (TOKEN_UNREADABLE.found(what),)
    findings = list(_type(members))
    if answer.is_form and not is_implicit:
        findings.append(TOKEN_FORM.found("The answer is a form, not a JSON object."))
    if _JWT.fullmatch(access):
        findings.append(
            TOKEN_JWT.found("access_token has the form of a JWT.", path="/access_token")
        )
    findings += _expiry(members, is_form=answer.is_form)
    if previous is None:
        findings += _refresh(members)
    elif read_token_members(previous).members.get("access_token") == access:
        what = "The refresh was answered with the access token of before."
        findings.append(TOKEN_SAME.found(what, path="/access_token"))
    return tuple(findings)


def _type(members: Any) -> Iterator[Finding]:
    kind = members.get("token_type")
    if not kind:
        yield TOKEN_TYPE_MISSING.found("The answer has no token_type.", path="/token_type")
    elif not isinstance(kind, str) or kind.lower() != BEARER:
        yield TOKEN_TYPE_ODD.found(f"token_type is {shown(kind)}, not Bearer.", path="/token_type")


def _expiry(members: Any, *, is_form: bool) -> Iterator[Finding]:
    lifetime = members.get("expires_in")
    if lifetime is None:
        return
    is_number = isinstance(lifetime, int | float) and not isinstance(lifetime, bool)
    told = str(lifetime)[:DIGITS_TOLD]
    if is_form and isinstance(lifetime, str) and lifetime.isascii() and lifetime.isdigit():
        # A form knows no numbers, and its text no bound: as a float the longest one is infinite.
        is_number, lifetime = True, float(lifetime)
    if not is_number:
        what = f"expires_in is {shown(lifetime)}, not a number of seconds."
        yield TOKEN_EXPIRES_TYPE.found(what, path="/expires_in")
    elif lifetime <= 0:
        what = f"expires_in is {told}: the token has ended already."
        yield TOKEN_EXPIRES_ODD.found(what, path="/expires_in")
    elif lifetime > LIFETIME_SECONDS_ADVISED_MAX:
        what = f"expires_in is {told}: the token would live for more than ten years."
        yield TOKEN_EXPIRES_FAR.found(what, path="/expires_in")


def _refresh(members: Any) -> Iterator[Finding]:
    if members.get("expires_in") is not None and not members.get("refresh_token"):
        what = "The access token ends, and there is no refresh_token to get another one with."
        yield TOKEN_NO_REFRESH.found(what, path="/refresh_token")


TOKEN_UNREADABLE: Final = Rule(
    id="token-answer-unreadable",
    severity="refused",
    subject="linking",
    title="The answer brings no access token",
    why="Without an access_token the account cannot be linked.",
    fix="Answer with a JSON object that has token_type, access_token, refresh_token and expires_in.",
    source=SOURCE,
    wrong='{"token": "AT-1"}',
    right='{"token_type": "Bearer", "access_token": "AT-1"}',
)

TOKEN_FORM: Final = Rule(
    id="token-answer-form",
    severity="advice",
    subject="linking",
    title="The answer is a form",
    why="Google documents JSON only. Whether it takes a form is not known; homegraph does.",
    fix="Answer with a JSON object, and Content-Type: application/json.",
    source=SOURCE,
)

TOKEN_TYPE_MISSING: Final = Rule(
    id="token-type-missing",
    severity="advice",
    subject="linking",
    title="The answer does not say what kind of token it brings",
    why="token_type is required (RFC 6749, 5.1); clients in general refuse an answer without it.",
    fix='Add "token_type": "Bearer".',
    source="RFC 6749, 5.1",
    wrong='{"access_token": "AT-1"}',
    right='{"token_type": "Bearer", "access_token": "AT-1"}',
)

TOKEN_TYPE_ODD: Final = Rule(
    id="token-type-unknown",
    severity="advice",
    subject="linking",
    title="The token is of a kind that intents do not use",
    why="Intents carry the token as a Bearer token, whatever the answer calls it.",
    fix='Answer with "token_type": "Bearer"; upper and lower case do not matter.',
    source="RFC 6749, 7.1",
    wrong='{"token_type": "mac", "access_token": "AT-1"}',
    right='{"token_type": "bearer", "access_token": "AT-1"}',
)

TOKEN_JWT: Final = Rule(
    id="token-access-jwt",
    severity="advice",
    subject="linking",
    title="The access token is a JWT",
    why="Google's validation tool refuses it: \"The access token seems to be a JWT which is not supported for token exchange "
    'endpoints." Integrations that are in use have such tokens all the same.',
    fix="Hand out opaque tokens, such as random texts.",
    source=SOURCE,
    wrong='{"token_type": "Bearer", "access_token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"}',
    right='{"token_type": "Bearer", "access_token": "AT-1"}',
)

TOKEN_EXPIRES_TYPE: Final = Rule(
    id="token-expires-in-type",
    severity="refused",
    subject="linking",
    title="expires_in is no number",
    why="It must be a JSON number of seconds. homegraph reads a text of digits, too; Google does not promise to.",
    fix='Write "expires_in": 3600, without quotes.',
    source=SOURCE,
    wrong='{"token_type": "Bearer", "access_token": "AT-1", "refresh_token": "RT-1", "expires_in": "3600"}',
    right='{"token_type": "Bearer", "access_token": "AT-1", "refresh_token": "RT-1", "expires_in": 3600}',
)

TOKEN_EXPIRES_ODD: Final = Rule(
    id="token-expires-in-past",
    severity="advice",
    subject="linking",
    title="The token has ended when it arrives",
    why="expires_in counts the seconds from now on; 0 and less cannot be meant. homegraph takes it for unknown.",
    fix="Write the seconds that the token will live, such as 3600; leave expires_in out if it does not end.",
    source="RFC 6749, 5.1",
    wrong='{"token_type": "Bearer", "access_token": "AT-1", "refresh_token": "RT-1", "expires_in": 0}',
    right='{"token_type": "Bearer", "access_token": "AT-1", "refresh_token": "RT-1", "expires_in": 3600}',
)

TOKEN_EXPIRES_FAR: Final = Rule(
    id="token-expires-in-far",
    severity="advice",
    subject="linking",
    title="The token would live for more than ten years",
    why="expires_in counts seconds from now on. So large a number mostly is the moment at which the token ends; the token is then not "
    "refreshed before it ends, but only when the fulfillment answers 401.",
    fix="Write the seconds that the token will live, such as 3600; leave expires_in out if it does not end.",
    source="RFC 6749, 5.1",
    wrong='{"token_type": "Bearer", "access_token": "AT-1", "refresh_token": "RT-1", "expires_in": 1795847046}',
    right='{"token_type": "Bearer", "access_token": "AT-1", "refresh_token": "RT-1", "expires_in": 3600}',
)

TOKEN_NO_REFRESH: Final = Rule(
    id="token-refresh-missing",
    severity="refused",
    subject="linking",
    title="A token that ends comes without a refresh token",
    why="When it has ended no intent can be sent, and the user has to link the account again.",
    fix="Add a refresh_token that does not end, or leave expires_in out for a token that does not.",
    source=SOURCE,
    wrong='{"token_type": "Bearer", "access_token": "AT-1", "expires_in": 3600}',
    right='{"token_type": "Bearer", "access_token": "AT-1", "expires_in": 3600, "refresh_token": "RT-1"}',
)

TOKEN_SAME: Final = Rule(
    id="token-not-renewed",
    severity="refused",
    subject="linking",
    title="A refresh brings the same access token again",
    why="A token is refreshed because it ends; the same one ends at the same time. Google's validation tool refuses it.",
    fix="Answer every refresh with a new access token.",
    source=SOURCE,
)

RULES: Final = (
    TOKEN_UNREADABLE,
    TOKEN_FORM,
    TOKEN_TYPE_MISSING,
    TOKEN_TYPE_ODD,
    TOKEN_JWT,
    TOKEN_EXPIRES_TYPE,
    TOKEN_EXPIRES_ODD,
    TOKEN_EXPIRES_FAR,
    TOKEN_NO_REFRESH,
    TOKEN_SAME,
)
