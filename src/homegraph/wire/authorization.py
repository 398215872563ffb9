"""Where a user's browser is sent to link an account, and what it brings back: URLs <-> typed values (protocol.md 6.1).

``state`` is the only thing that comes back from the browser and was ours, so it carries what is needed to know it again: the
linking, its project and user, and when it ends, signed with a key of the server. It is base64url without padding, as Google's
is: nothing in it is ever escaped, and a server that escapes it once too often does no harm. That it is used only once cannot
be seen from here; the store remembers it. A linking that began in a browser is bound to it: the state says so, and the browser
keeps a proof that the state does not hold.

The rule that is easily broken: nothing of a state is believed before its signature was checked, and no refusal quotes it.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from homegraph.errors import LinkingRefused

STATE_SECONDS: Final = 600.0
"""How long a person has to sign in. A code of the other side lives no longer (protocol.md 6.1)."""

STATE_CHARS_MAX: Final = 4096
"""Characters of a state that is looked at; ours are a tenth of it, but for very long user names."""

PARAMETERS_MAX: Final = 20
"""Parameters of a callback; four are defined."""

CODE_FLOW: Final = "code"
IMPLICIT_FLOW: Final = "implicit"
"""What the login page gives the browser: a code to be exchanged, or, as older integrations do, the access token itself."""

LOCALE: Final = "en-GB"
"""``user_locale`` when nobody has said another one."""

SAID_MAX: Final = 200
"""Characters of the other side's words that are repeated."""

_SIGNATURE_BYTES: Final = 32


class State(msgspec.Struct, frozen=True, array_like=True):
    """What a state says: which linking, of which project and user, until when (seconds since 1970).

    ``bound``: it began in a browser, and is good in no other one.
    """

    linking_id: str
    project_id: str
    user_id: str
    expires_at: float
    bound: bool = False


class Callback(msgspec.Struct, frozen=True):
    """What the browser brought: a state and either a code (in the implicit flow a token) or an error with what was said about it."""

    state: str
    code: str = ""
    error: str = ""
    description: str = ""
    access_token: str = ""

    def __repr__(self) -> str:
        """Show nothing of what is secret in it."""
        return f"Callback(error={self.error!r})"


_state_decoder: Final = msgspec.json.Decoder(State)


def write_state(state: State, key: bytes) -> str:
    """A state as it travels: signature and content in base64url."""
    content = msgspec.json.encode(state)
    return urlsafe_b64encode(_signature(content, key) + content).decode().rstrip("=")


def open_state(text: str, key: bytes) -> State:
    """Read a state that is ours, whatever it is still good for.

    Raises:
        LinkingRefused: LINKING_STATE_WRONG.
    """
    state = _opened(text, key)
    if state is None:
        raise LinkingRefused("LINKING_STATE_WRONG")
    return state


def check_state(state: State, *, project_id: str, now: float) -> None:
    """Refuse a state that is not good at the callback of ``project_id``.

    Raises:
        LinkingRefused: LINKING_STATE_WRONG when it is of another project, LINKING_EXPIRED.
    """
    if state.project_id != project_id:
        raise LinkingRefused("LINKING_STATE_WRONG")
    if state.expires_at <= now:
        raise LinkingRefused("LINKING_EXPIRED")


def browser_proof(linking_id: str, key: bytes) -> str:
    """What the browser that a linking began in shows when it comes back: nobody else can make it, or read it off a state."""
    return urlsafe_b64encode(_signature(linking_id.encode(), key)).decode().rstrip("=")


def check_browser(state: State, shown: str, key: bytes) -> None:
    """Refuse a bound state in another browser than its own. ``shown`` is what this one has, or empty.

    Raises:
        LinkingRefused: LINKING_OTHER_BROWSER.
    """
    proof = browser_proof(state.linking_id, key)
    if state.bound and not hmac.compare_digest(proof.encode(), shown.encode()):
        raise LinkingRefused("LINKING_OTHER_BROWSER")


def authorization_url(  # noqa: PLR0913  # the parameters of the request
    base: str,
    *,
    client_id: str,
    redirect_uri: str,
    state: str,
    scopes: tuple[str, ...] = (),
    verifier: str = "",
    locale: str = LOCALE,
    flow: str = CODE_FLOW,
) -> str:
    """Where to send the browser: ``base`` with the parameters in the order that Google sends them (observed).

    A scope is there only when one is configured, and a challenge (RFC 7636, S256) only with a ``verifier``. A query that
    ``base`` has already stays (RFC 6749 3.1); a fragment does not.
    """
    parameters = [
        ("redirect_uri", redirect_uri),
        ("client_id", client_id),
        ("response_type", "token" if flow == IMPLICIT_FLOW else "code"),
        ("state", state),
        ("user_locale", locale),
    ]
    if scopes:
        parameters.append(("scope", " ".join(scopes)))
    if verifier:
        parameters += [("code_challenge", challenge(verifier)), ("code_challenge_method", "S256")]
    parts = urlsplit(base)
    query = "&".join(part for part in (parts.query, urlencode(parameters)) if part)
    return parts._replace(query=query, fragment="").geturl()


def challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def read_callback(query: str) -> Callback:
    """Take the query of a callback apart, or in the implicit flow its fragment.

    Raises:
        LinkingRefused: LINKING_CALLBACK_WRONG when it has no state, or one of its parameters twice.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=PARAMETERS_MAX)
    except ValueError as exc:
        text = f"The browser came back with more than {PARAMETERS_MAX} parameters."
        raise LinkingRefused("LINKING_CALLBACK_WRONG", text) from exc
    given = dict(pairs)
    state = given.get("state", "")
    if len(given) != len(pairs):
        raise LinkingRefused(
            "LINKING_CALLBACK_WRONG", "The browser came back with the same parameter twice."
        )
    if not state:
        more = (
            "" if given else " or any other parameter. What stands behind # no server gets to see"
        )
        raise LinkingRefused(
            "LINKING_CALLBACK_WRONG", f"The browser came back without state{more}."
        )
    return Callback(
        state,
        given.get("code", ""),
        given.get("error", "")[:SAID_MAX],
        given.get("error_description", "")[:SAID_MAX],
        given.get("access_token", ""),
    )


def check_callback(callback: Callback, flow: str) -> None:
    """Refuse a callback that brings neither what the flow brings nor an error, or both.

    Raises:
        LinkingRefused: LINKING_CALLBACK_WRONG.
    """
    code, token = bool(callback.code), bool(callback.access_token)
    brought, other = (token, code) if flow == IMPLICIT_FLOW else (code, token)
    if brought is not bool(callback.error):
        return
    wanted, odd = ("access_token", "code") if flow == IMPLICIT_FLOW else ("code", "access_token")
    told = f"with both {wanted} and error" if brought else f"without {wanted}, and without error"
    if other:
        told += f". It has {odd}, which is for the other flow (oauth.flow)"
    raise LinkingRefused("LINKING_CALLBACK_WRONG", f"The browser came back {told}.")


def _opened(text: str, key: bytes) -> State | None:
    if len(text) > STATE_CHARS_MAX:
        return None
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError):
        return None
    signature, content = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(content, key)):
        return None
    return _state_decoder.decode(content)


def _signature(content: bytes, key: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")
