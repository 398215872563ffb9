"""Reasons that lie in who calls: credentials, the requests for them, and the project that they name."""

from __future__ import annotations

from typing import Final

from homegraph.wire.reasons.reason import Reason

CREDENTIALS: Final = (
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
        why="The key belonged to a project once and was withdrawn, by hand or by having left homegraph.toml. A withdrawn key never works again, also when it stands in the file anew.",
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

TOKEN_REQUESTS: Final = (
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

PROJECTS: Final = (
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
        "Behind a proxy that is the address of the proxy: headers like X-Forwarded-For are not believed, as anybody can send them.",
        fix="Add the address in the message to the key's addresses, or use a key without that restriction. A proxy can keep others out itself.",
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
