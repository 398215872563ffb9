"""Reasons that lie in whom the call is about: agent users, their devices and links."""

from __future__ import annotations

from typing import Final

from homegraph.wire.reasons.reason import Reason
from homegraph.wire.rows import Exit

AGENT_USERS: Final = (
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
        title="This user was linked once and is not any more.",
        why="Mostly the user has unlinked the account, and a cloud that ignores the DISCONNECT intent goes on calling. The agent user may also have "
        "been deleted by a call; or the fulfillment answered SYNC with another agentUserId, to which the link was moved.",
        fix="Stop calling for this user when DISCONNECT arrives, or link the account again. `homegraph links list` shows whether the link has another "
        "agent user now.",
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
        google_log=("DEVICE_NOT_FOUND",),
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
        google_log=("RESOURCE_EXHAUSTED",),
    ),
)

LINKS: Final = (
    Reason(
        code="LINK_BROKEN",
        row="token-refresh",
        title="The user's link is broken: no access token can be had for the fulfillment.",
        why="The token endpoint refused the refresh token earlier on, and such a refusal is final. "
        "The devices stay as they are, but no intent can be sent.",
        fix="Link the account again; `homegraph links show` tells when and how the link broke. If the refusal was a mistake, "
        "`homegraph links refresh` tries once more.",
        google_log=("OPEN_AUTH_FAILURE",),
    ),
    Reason(
        code="TOKEN_REFUSED",
        row="token-refresh",
        title="The token endpoint has refused the refresh token.",
        why="It answered invalid_grant. Most often the cloud has revoked or lost the grant, or replaced the refresh token at a "
        "refresh and did not accept the former one any more.",
        fix="Link the account again. If the refusal was a mistake, `homegraph links refresh` tries once more. Do not replace refresh tokens, "
        "or accept the former one for a while.",
        google_log=("OPEN_AUTH_FAILURE",),
    ),
    Reason(
        code="TOKEN_ENDPOINT_FAILED",
        row="token-refresh",
        title="The token endpoint did not answer as a token endpoint.",
        why="No connection, an HTTP error, or an answer that is not JSON with access_token. A linking ends with it. For a link that is "
        "there it is asked again, later each time; until then every intent of this link ends like this.",
        fix="Check token_url, client_id and client_secret, and link again. Of a link that is there `homegraph links show` tells what "
        "it said and when it is asked again, `homegraph links refresh` asks at once.",
        retryable=True,
        exit=Exit.FAILED,
        google_log=(
            "OPEN_AUTH_FAILURE",
            "GAL_BAD_3P_RESPONSE",
        ),
    ),
    Reason(
        code="TOKEN_FAILED",
        row="token-refresh",
        title="No access token could be had for the fulfillment.",
        why="The refresh at the token endpoint has failed.",
        fix="Check token_url, client_id and client_secret; `homegraph runs show` has the exchange.",
        google_log=("OPEN_AUTH_FAILURE",),
    ),
    Reason(
        code="TOKEN_REJECTED",
        row="token-refresh",
        title="The fulfillment answered 401, and there is no better access token.",
        why="Either there is nothing to get another one with: the link has no refresh token, or the project no token_url. "
        "Or the token had just been refreshed, and token endpoint and fulfillment disagree: another database, another signing key, "
        "or a clock that is off.",
        fix="Give the link an access token that the fulfillment accepts, or a refresh token and the project a token_url. "
        "If it was refreshed, let both sides use the same store of tokens. Then link the account again.",
        google_log=("OPEN_AUTH_FAILURE",),
    ),
)

LINKINGS: Final = (
    Reason(
        code="LINKING_STATE_WRONG",
        row="admin-linking",
        title="The state that came back from the login page is not one of this server's.",
        why="It was changed or cut on the way, belongs to another project or another server, or somebody has made it up. "
        "A server that lost its encryption key does not know its own states any more.",
        fix="Send `state` back as it came, to the character, and start the linking again.",
        exit=Exit.FAILED,
    ),
    Reason(
        code="LINKING_EXPIRED",
        row="admin-linking",
        title="The login page took too long.",
        why="A state is good for ten minutes.",
        fix="Start the linking again.",
        exit=Exit.FAILED,
    ),
    Reason(
        code="LINKING_USED",
        row="admin-linking",
        title="This state has come back before.",
        why="Each is good for one return of the browser: a reloaded page, a second redirect, or somebody who has read it "
        "along the way. What the first return led to stays as it is.",
        fix="Look at the link with `homegraph links show`; start the linking again if it is not there.",
        exit=Exit.FAILED,
    ),
    Reason(
        code="LINKING_OTHER_BROWSER",
        row="admin-linking",
        title="The linking was started in another browser.",
        why="A linking that a browser starts ends in the same browser, so that nobody can use a state that he has read, or have "
        "somebody else's account linked. The cookie that tells is also missing when the page was opened under another "
        "host name than the one in redirect_uri, or when cookies are switched off.",
        fix="Start the linking again, and sign in in the same browser.",
        exit=Exit.FAILED,
    ),
    Reason(
        code="LINKING_OTHER_USER",
        row="admin-linking",
        title="The answer belongs to another user's linking.",
        why="The state in the address names the user that it was made for, and that is not the user who was named.",
        fix="Paste the address that this user's login has ended at, or leave --user out.",
        exit=Exit.FAILED,
    ),
    Reason(
        code="LINKING_FORM_FOREIGN",
        row="admin-refused",
        title="The form was not sent by this server's own page.",
        why="A page of another site could otherwise start a linking in a visitor's browser. The browser says where a form comes from "
        "in Sec-Fetch-Site or Origin.",
        fix="Open /link/PROJECT of this server itself, and send its form.",
    ),
    Reason(
        code="LINK_PAGE_CLOSED",
        row="admin-refused",
        title="This server does not show the page that links accounts.",
        why="The page asks nobody for a token. It is there as long as the server listens on this machine only, or when link_page says so.",
        fix='Use `homegraph link`, or set link_page = "open" when everybody who reaches the server may link accounts.',
    ),
    Reason(
        code="LINKING_CALLBACK_WRONG",
        row="admin-linking",
        title="The browser came back without what the login page has to send along.",
        why="The redirect needs `state`, and either `code` or `error`, each of them once, in the query.",
        fix="Redirect to redirect_uri with `?code=…&state=…` added, or with `?error=access_denied&state=…`.",
        exit=Exit.FAILED,
    ),
    Reason(
        code="LINKING_DENIED",
        row="admin-linking",
        title="The login page has answered with an error.",
        why="The user said no (access_denied), or the OAuth server did not accept the request: an unknown client_id, another "
        "redirect_uri than it knows, a scope that it does not have.",
        fix="Read the error that is shown, correct the OAuth client on either side, and start the linking again.",
        exit=Exit.FAILED,
    ),
    Reason(
        code="LINKING_NOT_CONFIGURED",
        row="admin-linking",
        title="The project has no OAuth client that a user could be sent to.",
        why="Linking needs oauth.authorization_url, oauth.token_url and oauth.client_id of the project.",
        fix="Set them in homegraph.toml and start the server again.",
        exit=Exit.FAILED,
    ),
    Reason(
        code="LINKING_INTERRUPTED",
        row="admin-linking",
        title="The server ended while it exchanged the code.",
        why="A code is good for one exchange, and nobody knows whether the other side has counted this one.",
        fix="Start the linking again.",
        exit=Exit.FAILED,
    ),
    Reason(
        code="CODE_REFUSED",
        row="admin-linking",
        title="The token endpoint has refused the code.",
        why="It answered invalid_grant: the code was used before, is too old, was made for another client or another "
        "redirect_uri, or the PKCE verifier does not fit.",
        fix="Compare redirect_uri and the code of both requests in the OAuth server's log; start the linking again.",
        exit=Exit.FAILED,
    ),
)
