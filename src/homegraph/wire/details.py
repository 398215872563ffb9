"""The details that Google itself puts into its errors, and the facts they are made of.

``error.details`` is a list of google.rpc messages: ErrorInfo with a reason for programs, LocalizedMessage, Help with links,
BadRequest with the fields that are wrong. Each row of ``rows`` names one builder of this module, a pure function from facts
and the finished message to such a list. What we add to explain an error is not made here but in ``status``.

Members stand in the order in which Google's answers have them. In ``metadata``, a map, the order varies between real
answers; ours is that of the answers we know.

Rendering an error must never become another error, so no fact is required: ``FACTS`` says what stands in for a missing one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

__all__ = [
    "FACTS",
    "SCOPE",
    "SERVICE",
    "TYPE",
    "Detail",
    "Details",
    "bad_request",
    "bad_token",
    "credentials_missing",
    "fill",
    "key_blocked",
    "key_invalid",
    "key_ip",
    "no_details",
    "quota",
    "scope_missing",
    "service_disabled",
    "suspended",
    "wrong_fields",
]

SERVICE: Final = "homegraph.googleapis.com"
API: Final = "google.home.graph.v1.HomeGraphApiService"
SCOPE: Final = "https://www.googleapis.com/auth/homegraph"

GOOGLE_DOMAIN: Final = "googleapis.com"
TYPE: Final = "type.googleapis.com/google.rpc."

Detail = dict[str, Any]
"""One google.rpc message as JSON: ``@type`` first, then its members in Google's order."""

FACTS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "text": "",  # a whole message that somebody else has worded (the JSON parser, an error of the admin API)
        "name": "",  # of a system parameter
        "value": "",  # of a system parameter, as it was sent
        "violations": (),  # of a request: (field path or None, description) each
        "wrong_fields": (),  # the same, but ours: Google keeps silent, so they are told only where we explain
        "service": SERVICE,
        "method": f"{API}.RequestSyncDevices",  # full name of the rpc
        "project_number": "0",
        "consumer": "api_key:?",  # who is suspended; Google names the key that was sent
        "ip": "unknown",  # the caller's address
        "token_reason": "",  # Google's word for what is wrong with an access token, where it says one
    }
)
"""What a row can be told, and what it says when it was not told. Other facts are ignored."""


def fill(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Complete ``facts`` by the defaults and by what follows from them."""
    full = {**FACTS, **facts}
    full["descriptions"] = "\n".join(description for _, description in full["violations"])
    full["activation_url"] = (
        f"https://console.developers.google.com/apis/api/{full['service']}/overview"
        f"?project={full['project_number']}"
    )
    full["project"] = f"projects/{full['project_number']}"
    return full


Details = Callable[[Mapping[str, Any], str], Sequence[Detail]]
"""From filled facts and the finished message to what stands in ``error.details``."""


def _error_info(reason: str, metadata: Mapping[str, str]) -> Detail:
    return {
        "@type": TYPE + "ErrorInfo",
        "reason": reason,
        "domain": GOOGLE_DOMAIN,
        "metadata": dict(metadata),
    }


def _localized(message: str) -> Detail:
    """Google repeats the message in English beside an ErrorInfo, since about 2024."""
    return {"@type": TYPE + "LocalizedMessage", "locale": "en-US", "message": message}


def no_details(_facts: Mapping[str, Any], _message: str) -> Sequence[Detail]:
    """Nothing, as with most rows."""
    return ()


def bad_request(facts: Mapping[str, Any], _message: str) -> Sequence[Detail]:
    """One violation per line of the message; ``field`` only where Google names one."""
    return _bad_request(facts["violations"])


def wrong_fields(facts: Mapping[str, Any]) -> Sequence[Detail]:
    """The same for the fields that Google keeps silent about. No row has this: it belongs to our explanation."""
    return _bad_request(facts["wrong_fields"])


def _bad_request(violations: Sequence[tuple[str | None, str]]) -> Sequence[Detail]:
    told = [
        {"description": description}
        if field is None
        else {"field": field, "description": description}
        for field, description in violations
    ]
    return ({"@type": TYPE + "BadRequest", "fieldViolations": told},) if told else ()


def key_invalid(facts: Mapping[str, Any], message: str) -> Sequence[Detail]:
    """The key is unknown, revoked or expired."""
    info = _error_info("API_KEY_INVALID", {"service": facts["service"]})
    return (info, _localized(message))


def credentials_missing(facts: Mapping[str, Any], _message: str) -> Sequence[Detail]:
    """There is no credential of the kind that the method takes."""
    metadata = {"method": facts["method"], "service": facts["service"]}
    return (_error_info("CREDENTIALS_MISSING", metadata),)


def bad_token(facts: Mapping[str, Any], _message: str) -> Sequence[Detail]:
    """Older answers have no details at all, so there are some only when the cause has Google's name."""
    if not facts["token_reason"]:
        return ()
    metadata = {"service": facts["service"], "method": facts["method"]}
    return (_error_info(facts["token_reason"], metadata),)


def scope_missing(facts: Mapping[str, Any], _message: str) -> Sequence[Detail]:
    """The token was fetched for other scopes."""
    metadata = {"service": facts["service"], "method": facts["method"]}
    return (_error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", metadata),)


def service_disabled(facts: Mapping[str, Any], message: str) -> Sequence[Detail]:
    """The API is off; Google links the page that turns it on."""
    metadata = {
        "serviceTitle": "HomeGraph API",
        "service": facts["service"],
        "consumer": facts["project"],
        "containerInfo": str(facts["project_number"]),
        "activationUrl": facts["activation_url"],
    }
    link = {
        "description": "Google developers console API activation",
        "url": facts["activation_url"],
    }
    return (
        _error_info("SERVICE_DISABLED", metadata),
        _localized(message),
        {"@type": TYPE + "Help", "links": [link]},
    )


def key_blocked(facts: Mapping[str, Any], message: str) -> Sequence[Detail]:
    """The key is restricted to other APIs or methods."""
    metadata = {
        "service": facts["service"],
        "consumer": facts["project"],
        "apiName": facts["service"],
        "methodName": facts["method"],
    }
    return (_error_info("API_KEY_SERVICE_BLOCKED", metadata), _localized(message))


def key_ip(facts: Mapping[str, Any], message: str) -> Sequence[Detail]:
    """The key is restricted to other addresses."""
    metadata = {
        "callerIp": facts["ip"],
        "service": facts["service"],
        "consumer": facts["project"],
    }
    return (_error_info("API_KEY_IP_ADDRESS_BLOCKED", metadata), _localized(message))


def suspended(facts: Mapping[str, Any], message: str) -> Sequence[Detail]:
    """The project is suspended."""
    metadata = {
        "service": facts["service"],
        "containerInfo": facts["consumer"],
        "consumer": facts["project"],
    }
    return (_error_info("CONSUMER_SUSPENDED", metadata), _localized(message))


def quota(facts: Mapping[str, Any], _message: str) -> Sequence[Detail]:
    """The project has used up its calls; Google links the form that asks for more."""
    metadata = {"service": facts["service"], "consumer": facts["project"]}
    link = {
        "description": "Request a higher quota limit.",
        "url": "https://cloud.google.com/docs/quotas/help/request_increase",
    }
    return (
        _error_info("RATE_LIMIT_EXCEEDED", metadata),
        {"@type": TYPE + "Help", "links": [link]},
    )
