"""The reasons: our explanation of every error, in words.

Google answers a dozen different mistakes with one and the same sentence. A reason is one of those mistakes: a stable
``code`` that programs can compare (it travels as ``google.rpc.ErrorInfo`` of domain "homegraph"), the row that it is shown
as, and three texts for the developer who is stuck: what happened (``title``), ``why`` that leads to this answer, and what
to do (``fix``). The pages behind the Help links are made from the same entries, so there is one place to improve a sentence.

``retryable`` means that the very same call may succeed later although nobody changes anything. It is never a promise.

What is not decided here: *which* reasons apply to a caller, and in which order. Whoever knows the user ranks them and hands
the list to ``status.render`` as an ``Explanation``.

The rule that is easily broken: codes are public. One may be added; renaming or removing one breaks the programs that
compare it. And no text may quote a secret: these are fixed sentences, the particulars belong in the metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from homegraph.wire.rows import Exit

__all__ = ["DOMAIN", "REASONS", "Reason"]

DOMAIN: Final = "homegraph"
"""The ``domain`` of our ErrorInfo. Google's is "googleapis.com"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One cause of an error, explained.

    ``row`` is the id of the row it is answered with. ``exit`` is the exit code of a command that ends with it, where that is
    not the row's.
    """

    code: str
    row: str
    title: str
    why: str
    fix: str
    retryable: bool = False
    exit: Exit | None = None


_SYSTEM_PARAMETERS: Final = (
    Reason(
        code="SYSTEM_PARAMETER_INVALID",
        row="bad-sysparam",
        title="A system parameter in the URL has a value that does not exist.",
        why="$.xgafv selects the format of errors and knows only 1 and 2. It is looked at before anything else of the call.",
        fix="Leave $.xgafv away, or send $.xgafv=2.",
    ),
    Reason(
        code="ALT_INVALID",
        row="bad-alt",
        title="alt names a response format that does not exist.",
        why="alt selects the format of the answer and knows json, media and proto. It is looked at before the credential.",
        fix="Leave alt away, or send alt=json.",
    ),
    Reason(
        code="ALT_UNSUPPORTED",
        row="alt-unsupported",
        title="This method has no answer in the format that alt asks for.",
        why="alt=media is for downloads, which this API does not have; alt=proto is not offered here.",
        fix="Leave alt away, or send alt=json.",
    ),
    Reason(
        code="FIELD_MASK_INVALID",
        row="invalid-arg",
        title="The fields parameter names something that the answer does not have.",
        why="fields selects parts of the answer by path, such as payload/devices or payload(devices). "
        "Names are case-sensitive, parentheses must match, and the answer of Request Sync has no fields at all.",
        fix="Leave fields away, or correct the path that the details name.",
    ),
    Reason(
        code="QUERY_TOO_LARGE",
        row="invalid-arg",
        title="The parameters are too long, or too many.",
        why="No call of this API needs more than a few short parameters, so there is a bound on their size and number.",
        fix="Send the message as JSON in the body, with Content-Type: application/json.",
    ),
)

_BODIES: Final = (
    Reason(
        code="JSON_SYNTAX",
        row="json-syntax",
        title="The body is not JSON.",
        why="The parser forgives bare keys, single quotes and one trailing comma, as Google's does, and nothing else. "
        "The caret in the message is under the byte where reading stopped.",
        fix="Correct the body at the caret. With curl, put single quotes around the body so that the shell leaves it alone.",
    ),
    Reason(
        code="JSON_UNKNOWN_NAME",
        row="json-unknown",
        title="The request has a field or parameter that this method does not know.",
        why="Names are case-sensitive: agentUserId and agent_user_id are the same field, agentUserID is none. "
        "Query parameters that are no system parameters count as fields, too; and a body sent as a form is read "
        "as parameters, so that JSON without Content-Type: application/json becomes one long unknown name.",
        fix="Correct the spelling, and send the body with Content-Type: application/json.",
    ),
    Reason(
        code="JSON_TYPE",
        row="json-type",
        title="A field has a value of the wrong type.",
        why="agentUserId and ids of devices are strings, even if they consist of digits; async is true or false, and no number; "
        "states and notifications are objects, and so is payload.",
        fix='Send the type that the message asks for, e.g. {"agentUserId": "123", "async": true}.',
    ),
    Reason(
        code="JSON_ROOT",
        row="json-root",
        title="The body is JSON, but no object.",
        why="A request is one message, and a message is an object in braces.",
        fix='Send an object, e.g. {"agentUserId": "user-1"}.',
    ),
    Reason(
        code="FIELD_REQUIRED",
        row="invalid-arg",
        title="A required field is missing or empty.",
        why="Every method needs agentUserId: the id that the fulfillment answers in payload.agentUserId of SYNC. A query needs "
        "inputs with the ids of devices, too. null and the empty string count as missing, and so does an empty body.",
        fix='Send {"agentUserId": "…"} with the id of one of your users, and what else the details name.',
    ),
    Reason(
        code="BODY_TOO_LARGE",
        row="invalid-arg",
        title="The body is larger than 1 MiB.",
        why="No call of this API needs as much; the bound protects the server.",
        fix="Send less at once.",
    ),
    Reason(
        code="FIELD_TOO_LONG",
        row="invalid-arg",
        title="A field is longer than allowed.",
        why="An agentUserId has up to 256 bytes by Google's documentation; here up to 1,024 are accepted.",
        fix="Use a short, opaque id for your user, such as an account number.",
    ),
    Reason(
        code="AGENT_USER_PREFIX_MISSING",
        row="invalid-arg",
        title="The name of the agent user does not begin with agentUsers/.",
        why="DeleteAgentUser takes a name, which is agentUsers/ and the id, in gRPC as in the path of REST. "
        "Every other method takes the id alone.",
        fix="Send agentUsers/USER_ID as agent_user_id.",
    ),
    Reason(
        code="MESSAGE_UNREADABLE",
        row="invalid-arg",
        title="The message of a gRPC call cannot be read.",
        why="Its bytes are not the message that the method takes, or a Struct in it holds a number that JSON does not have: "
        "NaN or infinity.",
        fix="Generate the client from docs/reference/proto or from Google's .proto files, and leave out numbers that are none.",
    ),
)

_REPORTS: Final = (
    Reason(
        code="PAYLOAD_REQUIRED",
        row="invalid-arg",
        title="The report has no payload.devices.",
        why="States are below payload.devices.states, notifications below payload.devices.notifications; null counts as missing.",
        fix='Send {"agentUserId": "…", "payload": {"devices": {"states": {"DEVICE_ID": {"on": true}}}}}.',
    ),
    Reason(
        code="STATE_NOT_OBJECT",
        row="invalid-arg",
        title="A device has something else than an object below states or notifications.",
        why="Below states stands one object per device id, and the names of the states are in it.",
        fix='Send {"DEVICE_ID": {"on": true}} for the device that the details name.',
    ),
    Reason(
        code="STATE_NULL",
        row="invalid-arg",
        title="A state is null.",
        why="Google refuses null as a state, and with it the whole report. Often a value was not known yet.",
        fix="Leave out what you do not know; if a trait needs it, leave out the whole trait.",
    ),
    Reason(
        code="STATE_KEY_UNKNOWN",
        row="invalid-arg",
        title="No trait has a state of this name.",
        why="Names of states are case-sensitive and stand flat beside each other, not below the names of their traits. "
        "Attributes of a device and parameters of commands are no states.",
        fix="Compare the name with the trait's page; report only online and the states of the device's traits.",
    ),
    Reason(
        code="STATE_OF_UNDECLARED_TRAIT",
        row="invalid-arg",
        title="The state belongs to a trait that the device does not have.",
        why="Only states of the traits that the device named in its last SYNC answer can be stored.",
        fix="Add the trait to the device in the SYNC answer and call Request Sync, or leave the state out.",
    ),
    Reason(
        code="STATE_KEY_FOREIGN",
        row="invalid-arg",
        title="The name belongs to the answer of an intent, not to a report.",
        why="Members like status and errorCode stand beside the states when a fulfillment answers QUERY or EXECUTE. "
        "Whoever reports such an answer as it is has them among the states.",
        fix="Send the states alone, without status, errorCode, debugString, ids and command.",
    ),
    Reason(
        code="NOTIFICATION_NOT_SUPPORTED",
        row="invalid-arg",
        title="The device has not announced that it sends notifications.",
        why="Notifications are taken from devices with notificationSupportedByAgent: true in their last SYNC answer.",
        fix="Set notificationSupportedByAgent in the SYNC answer and call Request Sync.",
    ),
)

_CREDENTIALS: Final = (
    Reason(
        code="CREDENTIAL_MISSING",
        row="unregistered",
        title="The call carries no credential.",
        why="The project is known only by the API key or the access token, and there is neither: no ?key=, "
        "no X-Goog-Api-Key header and no Authorization header. Often an environment variable was empty.",
        fix="Append ?key=API_KEY; `homegraph keys list` shows which keys there are, `homegraph keys create` makes one.",
    ),
    Reason(
        code="API_KEY_UNKNOWN",
        row="key-invalid",
        title="No project has this API key.",
        why="The key was never made here: mistyped, cut off, taken from another server, or the server was started with "
        "another database. A key of Google's is unknown here unless homegraph.toml lists it.",
        fix="Compare the key with `homegraph keys list`, or list it in homegraph.toml under api_keys.",
    ),
    Reason(
        code="API_KEY_REVOKED",
        row="key-invalid",
        title="This API key was revoked.",
        why="The key belonged to a project once and was withdrawn. A withdrawn key never works again.",
        fix="Make a new key with `homegraph keys create` and give it to the caller.",
    ),
    Reason(
        code="API_KEY_EXPIRED",
        row="key-expired",
        title="This API key has expired.",
        why="The key was made with an end of validity, which is over. The server's clock decides.",
        fix="Make a new key with `homegraph keys create`; `homegraph doctor` checks the clock.",
    ),
    Reason(
        code="API_KEY_NOT_ACCEPTED",
        row="key-only",
        title="This call does not take an API key.",
        why="Only Request Sync ever took API keys, and a server can be told to refuse them there, too.",
        fix="Send an access token of a service account: Authorization: Bearer TOKEN.",
    ),
    Reason(
        code="ACCESS_TOKEN_MISSING",
        row="no-cred",
        title="This method needs an access token.",
        why="The call carries no Authorization header. Every method but Request Sync wants a service account.",
        fix="Get a token for a service account of the project and send it as Authorization: Bearer TOKEN.",
    ),
    Reason(
        code="ACCESS_TOKEN_UNKNOWN",
        row="bad-token",
        title="The access token is not valid here.",
        why="It has expired, was revoked, was issued by another server, or is no access token at all.",
        fix="Fetch a new token from this server's token endpoint. Tokens live for one hour.",
    ),
    Reason(
        code="SCOPE_MISSING",
        row="scope",
        title="The access token lacks the Home Graph scope.",
        why="A token is good for the scopes that were asked for when it was fetched.",
        fix="Ask for the scope https://www.googleapis.com/auth/homegraph when you fetch the token.",
    ),
    Reason(
        code="CREDENTIALS_DISAGREE",
        row="cred-mismatch",
        title="The API key belongs to another project than the access token.",
        why="The call carries both, and each names a project. The token alone would have decided.",
        fix="Leave the key away, or take key and service account from the same project.",
    ),
)

_TOKEN_REQUESTS: Final = (
    Reason(
        code="ASSERTION_UNREADABLE",
        row="token-request",
        title="The assertion is no JWT of a service account.",
        why="It is not three parts in base64url, or header and claims are not JSON with the types that a JWT has, or the claims "
        "do not say who has signed (iss).",
        fix="Let a library of Google's make the assertion from the key file.",
    ),
    Reason(
        code="ASSERTION_LIFETIME",
        row="token-request",
        title="The assertion is expired, not valid yet, or valid for more than an hour.",
        why="iat must be about now, and exp at most 3,600 seconds later. The server's clock decides; "
        "most often the clock of the caller is wrong.",
        fix="Set the clocks of caller and server; `homegraph doctor` checks the server's.",
    ),
    Reason(
        code="ASSERTION_AUDIENCE",
        row="token-request",
        title="The assertion is meant for another token endpoint.",
        why="aud must be the address of this server's token endpoint, by a name that the server knows to be its own, "
        "or one of Google's.",
        fix="Sign for the token_uri of the key file. If the server has another name for its callers, set base_url in "
        "homegraph.toml, or add the name to allowed_hosts.",
    ),
    Reason(
        code="ASSERTION_SIGNATURE",
        row="token-request",
        title="No valid key of the service account has made this signature.",
        why="The key was revoked, belongs to another account, or was damaged on its way, often by line breaks in an environment "
        "variable; or the algorithm is not RS256.",
        fix="Compare private_key_id with `homegraph service-accounts list`, or make a new key.",
    ),
    Reason(
        code="SERVICE_ACCOUNT_UNKNOWN",
        row="token-request",
        title="There is no such service account here.",
        why="No project has an account with the client_email in iss that has a key which is not revoked. A key file of Google's "
        "is known here only when homegraph.toml lists it.",
        fix="Make one with `homegraph service-accounts create`, or list the key file in homegraph.toml under service_accounts.",
    ),
    Reason(
        code="ASSERTION_SCOPE",
        row="token-request",
        title="The assertion asks for no scope, or for one that does not exist.",
        why="A token is good for the scopes in the claim scope, which are addresses separated by blanks.",
        fix="Ask for the scope https://www.googleapis.com/auth/homegraph.",
    ),
    Reason(
        code="GRANT_TYPE_UNSUPPORTED",
        row="token-request",
        title="The token endpoint does not know this grant_type.",
        why="It issues tokens to service accounts only, by the grant type urn:ietf:params:oauth:grant-type:jwt-bearer. "
        "Refresh tokens and codes belong to the token endpoint of your own cloud.",
        fix="Send a form with grant_type and assertion, as Google's libraries do.",
    ),
    Reason(
        code="TOKEN_REQUEST_UNREADABLE",
        row="token-request",
        title="The request for a token is neither a form nor JSON with an assertion.",
        why="The body is missing, too large, not in the format of its content type, or has no parameter assertion.",
        fix="Send a form with grant_type and assertion, as Google's libraries do.",
    ),
    Reason(
        code="TOKEN_REQUESTS_TOO_MANY",
        row="token-limit",
        title="The project asks for more access tokens than it can use.",
        why="A token is good for an hour and for any number of calls, so there is a bound on how many are issued per minute.",
        fix="Keep a token until it ends, instead of fetching one for each call.",
        retryable=True,
    ),
)

_PROJECTS: Final = (
    Reason(
        code="API_DISABLED",
        row="api-disabled",
        title="The HomeGraph API is switched off for this project.",
        why="The credential is good; its project has api_enabled = false. At Google this is how every new project begins.",
        fix="Set api_enabled = true for the project in homegraph.toml. At Google: enable the HomeGraph API in the console.",
    ),
    Reason(
        code="API_KEY_RESTRICTED",
        row="key-blocked",
        title="This API key may not call this method.",
        why="The key is restricted to other APIs or methods.",
        fix="Use another key, or lift the restriction of this one; `homegraph keys list` shows it.",
    ),
    Reason(
        code="API_KEY_IP_REFUSED",
        row="key-ip",
        title="This API key may not be used from this address.",
        why="The key is restricted to certain IP addresses, and the call came from another one. "
        "Behind a proxy this is the address of the proxy, unless the server was told to trust it.",
        fix="Add the address in the message to the key's addresses, or use a key without that restriction.",
    ),
    Reason(
        code="PROJECT_SUSPENDED",
        row="suspended",
        title="The project is suspended.",
        why="An operator of this server has stopped the project; all of its calls are refused.",
        fix="Ask whoever runs the server; `homegraph projects show` tells the state of a project.",
    ),
    Reason(
        code="QUOTA_EXHAUSTED",
        row="quota",
        title="The project has used up its calls for this minute.",
        why="A project has a budget of calls per minute, at Google 6,000.",
        fix="Slow down and try again after a minute; merge requests for the same user.",
        retryable=True,
    ),
)

_AGENT_USERS: Final = (
    Reason(
        code="AGENT_USER_NEVER_LINKED",
        row="not-found",
        title="No account was ever linked under this agentUserId.",
        why="The Home Graph knows a user only since a SYNC answer has named him. The usual causes: the account was not linked "
        "yet; the id differs from payload.agentUserId in the SYNC answer, if only by case or a blank; or the fulfillment "
        "leaves payload.agentUserId out.",
        fix="Compare the id with `homegraph links list`, and link the account if it is not there.",
    ),
    Reason(
        code="AGENT_USER_UNLINKED",
        row="not-found",
        title="This user was linked once and has unlinked the account.",
        why="After unlinking nothing is known of the user any more. A cloud that ignores the DISCONNECT intent goes on calling.",
        fix="Stop calling for this user when DISCONNECT arrives, or link the account again.",
    ),
    Reason(
        code="AGENT_USER_OF_OTHER_PROJECT",
        row="not-found",
        title="This agentUserId belongs to another project than the credential.",
        why="The project is told by the API key or service account alone, and the same id means another user in each project. "
        "Typically the key comes from a second project, made for testing or for another integration.",
        fix="Use a key of the project that the user is linked with; `homegraph links list` shows which that is.",
    ),
    Reason(
        code="FIRST_SYNC_FAILED",
        row="not-found",
        title="The account is linked, but its first SYNC has failed, so the user is not known yet.",
        why="An agentUserId comes into being with the first good SYNC answer, and there was none. "
        "The run tells what the fulfillment answered instead.",
        fix="Look at the run with `homegraph runs show`, correct the fulfillment; the first SYNC is tried again by itself.",
    ),
    Reason(
        code="FIRST_SYNC_PENDING",
        row="not-found",
        title="The account has just been linked, and its first SYNC is not over yet.",
        why="An agentUserId comes into being with the first good SYNC answer. Until then the user does not exist.",
        fix="Wait for the first SYNC to end, a few seconds at most, and call again.",
        retryable=True,
    ),
    Reason(
        code="AGENT_USER_SETTLING",
        row="not-found",
        title="The user's first SYNC was a moment ago, and reports are not taken yet.",
        why="At Google a new user is known everywhere only after some seconds; settle_seconds has this server do the same.",
        fix="Wait for some seconds, and report again; or set settle_seconds = 0.",
        retryable=True,
    ),
    Reason(
        code="DEVICE_UNKNOWN",
        row="device-not-found",
        title="The user is known, but not this device.",
        why="The device was not in the user's last SYNC answer: it is new, was removed, or has another id there. "
        "One unknown device has the whole report refused.",
        fix="Call Request Sync for the user, then report the state again.",
    ),
    Reason(
        code="DEVICE_NOT_FOUND",
        row="not-found",
        title="The user is known, but one of the devices is not.",
        why="The device was not in the user's last SYNC answer: it is new, was removed, or has another id there. "
        "One unknown device has the whole call refused.",
        fix="Compare the ids with `homegraph devices list`; call Request Sync when the device is new.",
    ),
    Reason(
        code="SYNC_IN_FLIGHT",
        row="concurrent",
        title="A SYNC that somebody waits for is already under way for this user.",
        why="Without async, Request Sync waits for the SYNC and reports its outcome, and only one such call per user may wait. "
        "Calling it from inside the SYNC handler always ends here.",
        fix='Send "async": true: such requests are queued and merged. Or wait for the first call to return.',
        retryable=True,
    ),
)

_LINKS: Final = (
    Reason(
        code="LINK_BROKEN",
        row="token-refresh",
        title="The user's link is broken: no access token can be had for the fulfillment.",
        why="The token endpoint refused the refresh token earlier on, and such a refusal is final. "
        "The devices stay as they are, but no intent can be sent.",
        fix="Link the account again. `homegraph links show` tells when and how the link broke.",
    ),
    Reason(
        code="TOKEN_REFUSED",
        row="token-refresh",
        title="The token endpoint has refused the refresh token.",
        why="It answered invalid_grant. Most often the cloud has revoked or lost the grant, or replaced the refresh token at a "
        "refresh and did not accept the former one any more.",
        fix="Link the account again. Do not replace refresh tokens, or accept the former one for a while.",
    ),
    Reason(
        code="TOKEN_ENDPOINT_FAILED",
        row="token-refresh",
        title="The token endpoint did not answer as a token endpoint.",
        why="No connection, an HTTP error, or an answer that is not JSON with access_token.",
        fix="Check token_url, client_id and client_secret; `homegraph runs show` has the exchange.",
        retryable=True,
        exit=Exit.FAILED,
    ),
    Reason(
        code="TOKEN_FAILED",
        row="token-refresh",
        title="No access token could be had for the fulfillment.",
        why="The refresh at the token endpoint has failed.",
        fix="Check token_url, client_id and client_secret; `homegraph runs show` has the exchange.",
    ),
    Reason(
        code="TOKEN_REJECTED",
        row="token-refresh",
        title="The fulfillment answered 401 to an access token that had just been refreshed.",
        why="The token endpoint and the fulfillment disagree: another database, another signing key, or a clock that is off.",
        fix="Let both use the same store of tokens; then link the account again.",
    ),
)

_FULFILLMENTS: Final = (
    Reason(
        code="FULFILLMENT_UNREACHABLE",
        row="internal",
        title="No connection to the fulfillment could be made.",
        why="Nothing listens at fulfillment_url, its name cannot be resolved, or TLS failed.",
        fix="Start the fulfillment, or correct fulfillment_url; `homegraph doctor` tries the connection.",
        retryable=True,
        exit=Exit.UNREACHABLE,
    ),
    Reason(
        code="FULFILLMENT_TIMEOUT",
        row="internal",
        title="The fulfillment did not answer SYNC in time.",
        why="It had 30 seconds. Often it asks every device for its state first, which SYNC does not need.",
        fix="Answer SYNC within 5 seconds from what you know, and call Request Sync again when there is news.",
        retryable=True,
        exit=Exit.TIMED_OUT,
    ),
    Reason(
        code="FULFILLMENT_FAILED",
        row="internal",
        title="The fulfillment answered SYNC with a server error (5xx).",
        why="Its own code failed. The stored devices were left as they are.",
        fix="Look into the fulfillment's log; `homegraph runs show` has the request and what was answered.",
        retryable=True,
    ),
    Reason(
        code="FULFILLMENT_REFUSED",
        row="internal",
        title="The fulfillment refused SYNC with a 4xx status or a redirect.",
        why="fulfillment_url is not the exact address, or something before the fulfillment wants a login. "
        "Redirects are not followed.",
        fix="Correct fulfillment_url to the address that answers POST itself.",
    ),
    Reason(
        code="REPLY_UNUSABLE",
        row="internal",
        title="The fulfillment's answer is not an answer to SYNC.",
        why="It is not JSON, or not an object with payload.agentUserId and a list payload.devices. "
        "The stored devices were left as they are.",
        fix="Answer with one JSON object; `homegraph runs show` has the answer and what is wrong with it.",
    ),
    Reason(
        code="REPLY_TOO_LARGE",
        row="internal",
        title="The fulfillment's answer is larger than 8 MiB.",
        why="The bound holds before and after decompression.",
        fix="Answer only what SYNC needs; keep customData small.",
    ),
    Reason(
        code="REPLY_ERROR_PAYLOAD",
        row="internal",
        title="The fulfillment answered SYNC with an error of its own (payload.errorCode).",
        why="It was reached and has understood, but cannot serve this user now. The stored devices were left as they are.",
        fix="Look up its errorCode and debugString with `homegraph runs show`.",
    ),
    Reason(
        code="SYNC_DEADLINE",
        row="deadline",
        title="The SYNC was not over when the time of the call was.",
        why="A call that waits does so for 60 seconds at most. The work goes on, and its outcome is kept with the run.",
        fix='Look at the run before you call again; use "async": true where nobody needs the outcome at once.',
        retryable=True,
    ),
)

_SERVERS: Final = (
    Reason(
        code="SERVER_BUSY",
        row="unavailable",
        title="The server has as much to do as it can take.",
        why="Its queue of waiting calls is full. Nothing of this call was recorded.",
        fix="Try again after some seconds, later each time.",
        retryable=True,
        exit=Exit.BUSY,
    ),
    Reason(
        code="SERVER_STOPPING",
        row="unavailable",
        title="The server is about to stop.",
        why="It finishes what it has begun and takes nothing new. Nothing of this call was recorded.",
        fix="Try again when it is back.",
        retryable=True,
    ),
    Reason(
        code="BODY_TOO_SLOW",
        row="deadline",
        title="The body did not arrive in time.",
        why="The headers announced a body, and the rest of it never came: a Content-Length that is too high, or a broken line.",
        fix="Send the whole body at once, with its true Content-Length.",
        retryable=True,
    ),
    Reason(
        code="STORE_UNAVAILABLE",
        row="unavailable",
        title="The database does not answer.",
        why="The disk is full, the file cannot be written, or the database server is away.",
        fix="Check the disk's free space and the file's permissions; the server's log says more.",
        retryable=True,
        exit=Exit.FAILED,
    ),
    Reason(
        code="INTERNAL",
        row="internal",
        title="Something went wrong inside homegraph.",
        why="This is a bug in homegraph, not in your program.",
        fix="Please report it, with the request id.",
        exit=Exit.BUG,
    ),
    Reason(
        code="PRECONDITION",
        row="precondition",
        title="The call came at a moment at which it cannot be served.",
        why="Google answers a waiting Request Sync like this at times, even when the SYNC has been carried out.",
        fix='Check whether a SYNC has arrived; send "async": true.',
    ),
    Reason(
        code="ROUTE_UNKNOWN",
        row="html-404",
        title="There is nothing at this path.",
        why="The path is not one of the API, often by a wrong base URL or a missing /v1, or by a slash in place of the colon.",
        fix="Call POST /v1/devices:requestSync, or one of the other methods of the API.",
    ),
    Reason(
        code="METHOD_NOT_ALLOWED_HERE",
        row="html-404",
        title="The path is right, the HTTP method is not.",
        why="Google answers 404, not 405, to any other method than the one of the path.",
        fix="Use POST for everything under /v1/devices:, and DELETE for /v1/agentUsers/.",
    ),
)

_ADMIN: Final = (
    Reason(
        code="NOT_FOUND",
        row="admin-not-found",
        title="There is no such thing here.",
        why="Names of projects, users and devices are case-sensitive.",
        fix="List what there is, e.g. with `homegraph projects list`.",
    ),
    Reason(
        code="NOT_ALLOWED",
        row="admin-refused",
        title="The admin API refuses this call.",
        why="It wants the server's admin token, which is in the data folder of the server.",
        fix="Run the command as the user who runs the server, or set HOMEGRAPH_ADMIN_TOKEN.",
    ),
    Reason(
        code="ADMIN_TOKEN_WRONG",
        row="admin-unauthenticated",
        title="The call carries no admin token, or a wrong one.",
        why="The token is made with the data folder and stays the same; another server, or another data folder, has another one.",
        fix="Point the command to the server's data folder with --data-dir, or set HOMEGRAPH_ADMIN_TOKEN.",
    ),
    Reason(
        code="HOST_REFUSED",
        row="admin-refused",
        title="The Host header is none of this server's names.",
        why="A strange web page could have its own name point at this machine, so the admin side answers to its own names only.",
        fix="Use a name of this server, or add the name to allowed_hosts under [server] in homegraph.toml.",
    ),
    Reason(
        code="SETTINGS",
        row="admin-invalid",
        title="A setting or argument is wrong.",
        why="It is unknown, has the wrong type, or contradicts another one. The message names it.",
        fix="Correct it; the reference of settings lists what is allowed.",
    ),
)

REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        reason.code: reason
        for group in (
            _BODIES,
            _REPORTS,
            _SYSTEM_PARAMETERS,
            _CREDENTIALS,
            _TOKEN_REQUESTS,
            _PROJECTS,
            _AGENT_USERS,
            _LINKS,
            _FULFILLMENTS,
            _SERVERS,
            _ADMIN,
        )
        for reason in group
    }
)
"""Every reason by its code. Of those that share a row the most common comes first."""
