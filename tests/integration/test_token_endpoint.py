"""Service accounts by real sockets: key files, the token endpoint, and calls with what it issues.

Google's own library (google-auth) signs and fetches where a program of the field would; where the quirk is on the wire, the
bytes are written by hand.
"""

import base64
import io
import json
import logging
import socket
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlencode, urlsplit

import google.auth.transport.urllib3
import pytest
import urllib3
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from google.auth.exceptions import RefreshError
from google.oauth2 import service_account

from homegraph.errors import SettingsError
from homegraph.service.clock import SystemClock
from homegraph.service.events import TokenDenied, TokenIssued
from homegraph.settings.addresses import ListenAddress
from homegraph.settings.projects import KeySettings, ProjectSettings
from homegraph.settings.secret import Secret
from homegraph.wire.token_endpoint import JWT_BEARER
from support.served import CALL, JSON, KEY, Served, an_integration, linked, send, settings_in
from support.signing import (
    HOME_GRAPH,
    claims,
    encoded,
    key,
    macced,
    private_pem,
    public_pem,
    signed,
)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
GOOD = b'{"agentUserId": "user-1", "async": true}'
NOWHERE = "http://127.0.0.1:9/smarthome"


@pytest.fixture(scope="module")
def served(cloud, tmp_path_factory):
    """A server with a linked user, and projects that are switched off or strange."""
    others = (
        ProjectSettings("off", NOWHERE, api_enabled=False),
        ProjectSettings("other", NOWHERE, api_keys=(KeySettings(Secret("other-key")),)),
    )
    settings = settings_in(tmp_path_factory.mktemp("data"), an_integration(cloud), *others)
    with Served(settings) as running:
        running.until_link(lambda link: link.agent_user_id == "user-1")
        yield running


@pytest.fixture(scope="module")
def key_file(served):
    """A key file of the project, made by the server."""
    return created(served)


def created(served, project="acme", **members):
    """A new key file."""
    answer = served.admin("POST", "service-accounts", project=project, **members)
    assert answer.status == 200, answer.body
    return answer.json["key_file"]


@contextmanager
def transport():
    """Google's transport."""
    with urllib3.PoolManager() as pool:
        yield google.auth.transport.urllib3.Request(pool)


def credentials_of(key_file, *scopes):
    """Google's credentials, as a program makes them."""
    return service_account.Credentials.from_service_account_info(
        key_file, scopes=scopes or (HOME_GRAPH,)
    )


def fetched(key_file, *scopes):
    """A token that google-auth has fetched."""
    credentials = credentials_of(key_file, *scopes)
    with transport() as request:
        credentials.refresh(request)
    return credentials.token


def assertion(key_file, **members):
    """An assertion, signed now by what is in the file."""
    now = int(SystemClock().now())
    with_now = {"iss": key_file["client_email"], "iat": now, "exp": now + 3600, **members}
    return signed(claims(**with_now), by=private(key_file))


def private(key_file):
    """The private half in a key file."""
    return load_pem_private_key(key_file["private_key"].encode(), None)


def ask(served, text, *, path="/token", headers=FORM, **more):
    """Post an assertion as a form."""
    body = urlencode({"grant_type": JWT_BEARER, "assertion": text, **more}).encode()
    return served.send("POST", path, headers=headers, body=body)


def token_of(served, key_file, **members):
    """An access token for an assertion made by hand."""
    return ask(served, assertion(key_file, **members)).json["access_token"]


def call(served, *, token=None, body=GOOD, query="", **headers):
    """Call Request Sync."""
    bearer = {"Authorization": f"Bearer {token}"} if token is not None else {}
    target = CALL + (f"?{query}" if query else "")
    return served.send("POST", target, headers={**JSON, **bearer, **headers}, body=body)


# --- Google's library --------------------------------------------------------------------------------------------------


def test_googles_library_gets_a_token_from_our_key_file(served, key_file):
    """The whole way of a program: key file, token, call."""
    token = fetched(key_file)

    assert token.startswith("ya29.")
    assert call(served, token=token).status == 200


def test_a_key_file_on_disk_is_read_by_googles_library(served, key_file, tmp_path):
    """From where programs keep it."""
    path = tmp_path / "key.json"
    path.write_text(json.dumps(key_file))
    credentials = service_account.Credentials.from_service_account_file(path, scopes=[HOME_GRAPH])
    with transport() as request:
        credentials.refresh(request)

    assert credentials.valid
    assert not credentials.expired
    assert credentials.service_account_email == "home-graph@acme.iam.gserviceaccount.com"
    assert call(served, token=credentials.token).status == 200


def test_googles_library_is_told_why_it_gets_none(served, key_file):
    """The error that a developer sees has Google's sentence, and leads to our page."""
    stranger = {**key_file, "private_key": private_pem(key(9))}

    with pytest.raises(RefreshError) as caught:
        fetched(stranger)

    assert "invalid_grant: Invalid JWT Signature." in str(caught.value)
    assert "/errors/ASSERTION_SIGNATURE" in str(caught.value)


def test_a_token_for_another_scope_is_forbidden(served, key_file):
    """403 with what is asked for, as at Google."""
    answer = call(served, token=fetched(key_file, "https://www.googleapis.com/auth/cloud-platform"))

    assert (answer.status, answer.reason) == (403, "SCOPE_MISSING")
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    assert HOME_GRAPH in answer.headers["www-authenticate"]


def test_a_bearer_that_googles_library_signs_itself_is_taken(served, key_file):
    """Without a token endpoint (experimental): by scope, and by the audience of the API."""
    by_scope = credentials_of(key_file).with_always_use_jwt_access(True)
    by_scope._create_self_signed_jwt(None)
    by_audience = credentials_of(key_file)
    by_audience._scopes = None
    by_audience._create_self_signed_jwt("https://homegraph.googleapis.com/")
    with transport() as request:
        for credentials in (by_scope, by_audience):
            credentials.refresh(request)
            assert credentials.token.count(".") == 2
            assert call(served, token=credentials.token).status == 200


# --- what is on the wire -----------------------------------------------------------------------------------------------


def test_home_assistant_gets_its_token_and_calls(served, key_file):
    """Built-in Google URL as audience, the assertion once more as bearer, X-GFE-SSL; a 401 makes it fetch a new one."""
    text = assertion(key_file, aud="https://accounts.google.com/o/oauth2/token")
    answer = ask(
        served, text, path="/o/oauth2/token", headers={**FORM, "Authorization": f"Bearer {text}"}
    )
    stale = call(served, token="ya29.stale", **{"X-GFE-SSL": "yes"})
    fresh = call(served, token=answer.json["access_token"], **{"X-GFE-SSL": "yes"})

    assert isinstance(answer.json["expires_in"], int)
    assert stale.status == 401
    assert fresh.status == 200


@pytest.mark.parametrize("path", ["/token", "/o/oauth2/token", "/oauth2/v4/token"])
@pytest.mark.parametrize(
    "audience",
    [
        "https://oauth2.googleapis.com/token",
        "https://accounts.google.com/o/oauth2/token",
        "https://www.googleapis.com/oauth2/v4/token",
        "https://www.googleapis.com/oauth2/v3/token",
        "{}/token",
        "{}/o/oauth2/token",
    ],
)
def test_every_endpoint_takes_every_audience(served, key_file, path, audience):
    """Clients post to one and sign for another."""
    answer = ask(served, assertion(key_file, aud=audience.format(served.url)), path=path)

    assert answer.status == 200
    assert list(answer.json) == ["access_token", "expires_in", "token_type"]
    assert (answer.json["expires_in"], answer.json["token_type"]) == (3599, "Bearer")
    assert "no-store" in answer.headers["cache-control"]


def test_an_audience_is_ours_by_a_name_that_we_know(cloud, tmp_path):
    """Loopback names, base_url, allowed_hosts, and the address of the socket; what the caller says in Host is no proof."""
    names = {"base_url": "https://public.example", "allowed_hosts": ("home.example",)}
    with Served(settings_in(tmp_path, an_integration(cloud), **names)) as served:
        key_file = created(served)
        port = urlsplit(served.url).port

        def said(audience, host="localhost"):
            text = assertion(key_file, aud=f"{audience}/token")
            return ask(served, text, headers={**FORM, "Host": host}).status

        for ours in (
            f"http://localhost:{port}",
            f"http://127.0.0.1:{port}",
            "https://public.example",
            "https://home.example",
        ):
            assert said(ours) == 200
        for strange in ("http://evil.example", f"http://evil.example:{port}"):
            assert said(strange, host="evil.example") == 400
        assert key_file["token_uri"] == "https://public.example/token"


def test_the_address_of_the_socket_is_ours(cloud, tmp_path):
    """A server on all networks has addresses that it cannot know beforehand."""
    settings = settings_in(tmp_path, an_integration(cloud), listen=ListenAddress("0.0.0.0", 0))
    with Served(settings) as served:
        port = urlsplit(served.url).port
        audience = f"http://127.0.0.2:{port}/token"
        text = assertion(created(served), aud=audience)
        there = send(
            f"http://127.0.0.2:{port}",
            "POST",
            "/token",
            headers=FORM,
            body=urlencode({"grant_type": JWT_BEARER, "assertion": text}).encode(),
        )

        assert there.status == 200
        assert ask(served, text).json["error_description"] == "Invalid JWT: Failed audience check."


def test_json_is_taken_as_well(served, key_file):
    """Some clients have no forms."""
    body = json.dumps({"grant_type": JWT_BEARER, "assertion": assertion(key_file)}).encode()

    assert served.send("POST", "/token", headers=JSON, body=body).status == 200


def test_two_spaces_after_the_colon(served, key_file):
    """As Google's own library for Node writes them; and the scheme in any case."""
    token = token_of(served, key_file)
    for line in (
        f"Authorization:  Bearer {token}",
        f"authorization:\tbearer   {token}",
        f"AUTHORIZATION: BEARER {token}  ",
    ):
        head = [f"POST {CALL} HTTP/1.1", "Host: localhost", line, f"Content-Length: {len(GOOD)}"]
        parts = urlsplit(served.url)
        with socket.create_connection((parts.hostname, parts.port)) as wire:
            wire.sendall("\r\n".join([*head, "Connection: close", "", ""]).encode() + GOOD)
            received = b"".join(iter(lambda wire=wire: wire.recv(65536), b""))
        assert received.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("name", ["access_token", "oauth_token"])
def test_a_token_may_stand_in_the_url(served, key_file, name):
    """For callers that cannot send headers; a header goes before it, an empty one does not."""
    query = urlencode({name: token_of(served, key_file)})

    assert call(served, query=query).status == 200
    assert call(served, query=query, Authorization="").status == 200
    assert call(served, query=query, token="ya29.other").status == 401
    assert call(served, query=f"{name}=nobodys").status == 401


@pytest.mark.parametrize(
    "authorization", ["Bearer", "Bearer  ", "bearer nobodys", "Basic dTpw", "x"]
)
def test_any_other_bearer_is_asked_for_again(served, authorization):
    """401 and WWW-Authenticate, also beside a good key."""
    answer = call(served, query=f"key={KEY}", Authorization=authorization)

    assert (answer.status, answer.reason) == (401, "ACCESS_TOKEN_UNKNOWN")
    assert answer.headers["www-authenticate"].endswith('error="invalid_token"')


def test_the_token_decides_and_a_key_of_another_project_is_refused(served, key_file):
    """400 in Google's words; a key of the same project or of nobody is left alone."""
    token = token_of(served, key_file)
    mismatch = call(served, token=token, query="key=other-key")

    assert call(served, token=token, query=f"key={KEY}").status == 200
    assert call(served, token=token, query="key=nobodys").status == 200
    assert (mismatch.status, mismatch.reason) == (400, "CREDENTIALS_DISAGREE")
    assert mismatch.json["error"]["message"] == (
        "The API Key and the authentication credential are from different projects."
    )


def test_a_token_of_a_project_that_is_off_says_so(served):
    """The token is issued; the API is what is switched off."""
    answer = call(served, token=fetched(created(served, "off")))

    assert (answer.status, answer.reason) == (403, "API_DISABLED")


def test_the_same_user_of_another_project_is_unknown(served):
    """The account names the project."""
    answer = call(served, token=fetched(created(served, "other")))

    assert (answer.status, answer.reason) == (404, "AGENT_USER_OF_OTHER_PROJECT")


# --- refusals ----------------------------------------------------------------------------------------------------------

NO_ACCOUNT = "Invalid grant: account not found"
BAD_SIGNATURE = "Invalid JWT Signature."
BAD_TIMES = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)


@pytest.mark.parametrize(
    ("members", "error", "description"),
    [
        ({"iss": "nobody@acme.iam.gserviceaccount.com"}, "invalid_grant", NO_ACCOUNT),
        ({"iat": 0, "exp": 3600}, "invalid_grant", BAD_TIMES),
        ({"iat": 9e9, "exp": 9e9 + 60}, "invalid_grant", BAD_TIMES),
        ({"exp": 9e9}, "invalid_grant", BAD_TIMES),
        ({"aud": "https://x/token"}, "invalid_grant", "Invalid JWT: Failed audience check."),
        ({"scope": None}, "invalid_scope", "Empty or missing scope not allowed."),
        (
            {"scope": "nonsense"},
            "invalid_scope",
            "Invalid OAuth scope or ID token audience provided.",
        ),
    ],
)
def test_a_refusal_is_to_the_letter(served, key_file, members, error, description):
    """400 and Google's two members; ours leads to the page that explains it."""
    answer = ask(served, assertion(key_file, **members))

    page = answer.json.pop("error_uri")
    assert answer.status == 400
    assert answer.json | {"error_uri": page} == {
        "error": error,
        "error_description": description,
        "error_uri": page,
    }
    assert served.send("GET", urlsplit(page).path).status == 200


@pytest.mark.parametrize("kind", ["none", "mac", "stranger", "changed"])
def test_a_forged_assertion_is_no_signature(served, key_file, kind):
    """Without a signature, with a MAC by the public key, by another key, or with other claims."""
    good = assertion(key_file)
    head, body, signature = good.split(".")
    forged = {
        "none": f"{encoded({'alg': 'none'})}.{body}.",
        "mac": macced(claims_in(good), public_pem(private(key_file))),
        "stranger": assertion({**key_file, "private_key": private_pem(key(9))}),
        "changed": f"{head}.{encoded(claims_in(good) | {'sub': 'x'})}.{signature}",
    }[kind]

    assert ask(served, forged).json["error_description"] == BAD_SIGNATURE


def claims_in(text):
    """The claims of a JWT."""
    return json.loads(base64.urlsafe_b64decode(text.split(".")[1] + "=="))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "unsupported_grant_type"),
        (b"grant_type=refresh_token&refresh_token=r", "unsupported_grant_type"),
        (urlencode({"grant_type": JWT_BEARER}).encode(), "invalid_request"),
        (urlencode({"grant_type": JWT_BEARER, "assertion": "junk"}).encode(), "invalid_grant"),
        (b"assertion=" + b"x" * 20_000, "invalid_request"),
    ],
)
def test_what_is_no_request_is_refused_in_oauths_words(served, body, error):
    """Other grants, nothing, junk, too much."""
    answer = served.send("POST", "/token", headers=FORM, body=body)

    assert (answer.status, answer.json["error"]) == (400, error)


def test_other_http_methods_are_no_different_from_other_paths(served):
    """404, and nothing about what would be allowed."""
    for method in ("GET", "PUT", "OPTIONS"):
        assert served.send(method, "/token").status == 404


def test_without_explanations_the_bytes_are_googles(cloud, tmp_path):
    """With explain = false a refusal has two members, compact."""
    with Served(settings_in(tmp_path, an_integration(cloud), explain=False)) as served:
        answer = ask(served, "junk")

    assert answer.body == b'{"error":"invalid_grant","error_description":"Bad Request"}'


def test_a_database_that_is_gone_may_come_back(cloud, tmp_path):
    """503 in words that Google's libraries try again for; a bug is 500, told in the log only."""
    with linked(tmp_path, cloud) as served:
        text = assertion(created(served))
        served.do(served.house.store.close())
        answer = ask(served, text)

    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"] == "5"


def test_a_bug_is_told_in_the_log_only(served, key_file, monkeypatch, caplog):
    """The caller gets an id, the log the traceback."""

    async def broken(*_, **__):
        raise RuntimeError("the driver's own words")

    monkeypatch.setattr("homegraph.web.tokens.issue_token", broken)
    answer = ask(served, assertion(key_file))

    assert (answer.status, answer.json["error"]) == (500, "internal_failure")
    assert b"driver" not in answer.body
    (record,) = [one for one in caplog.records if one.name == "homegraph.web"]
    assert answer.json["error_description"].split()[-1] in record.getMessage()


def test_no_secret_is_logged_or_announced(served, key_file):
    """Neither assertions nor tokens reach a log line or an event, whatever the level."""
    heard, written = [], io.StringIO()
    root, handler = logging.getLogger(), logging.StreamHandler(written)
    level = root.level
    served.house.events.subscribe(heard.append)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        text = assertion(key_file)
        token = ask(served, text).json["access_token"]
        call(served, token=token)
        ask(served, text[:-8])
    finally:
        root.removeHandler(handler)
        root.setLevel(level)

    said = written.getvalue() + repr(heard)
    assert text not in said
    assert text.split(".")[2][:20] not in said
    assert token not in said
    assert [one for one in heard if isinstance(one, TokenIssued | TokenDenied)] == [
        TokenIssued("acme", key_file["client_email"], key_file["private_key_id"]),
        TokenDenied(key_file["client_email"], "ASSERTION_SIGNATURE"),
    ]


# --- keys come and go --------------------------------------------------------------------------------------------------


def test_a_revoked_key_gets_no_token_and_its_tokens_end_at_once(served):
    """The other key of the account goes on; with the last one the account is gone."""
    first, second = created(served, name="sync"), created(served, name="sync")
    of_first, of_second = fetched(first), fetched(second)
    assert call(served, token=of_first).status == call(served, token=of_second).status == 200

    served.admin("POST", "service-accounts/revoke", project="acme", id=first["private_key_id"])

    assert call(served, token=of_first).status == 401
    assert call(served, token=of_second).status == 200
    assert ask(served, assertion(first)).json["error_description"] == BAD_SIGNATURE

    served.admin("POST", "service-accounts/revoke", project="acme", email=first["client_email"])

    assert call(served, token=of_second).status == 401
    assert ask(served, assertion(second)).json["error_description"] == NO_ACCOUNT


def test_tokens_outlive_the_server(cloud, tmp_path):
    """A restart is no reason to fetch a new one; of the private half nothing is in the database."""
    settings = settings_in(tmp_path, an_integration(cloud), database="sqlite:home.db")
    with Served(settings) as first:
        first.until_link(lambda link: link.agent_user_id == "user-1")
        key_file = created(first)
        token = token_of(first, key_file)
    with Served(settings) as second:
        assert call(second, token=token).status == 200
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert token.encode() not in kept
    assert b"PRIVATE KEY" not in kept


def a_google_file(path, number=1, **members):
    """A key file as it may come from Google."""
    made = {
        "type": "service_account",
        "project_id": "acme-1",
        "private_key_id": f"k{number}",
        "private_key": private_pem(key(number)),
        "client_email": "sync@acme-1.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        **members,
    }
    path.write_text(json.dumps(made))
    return made


def test_a_key_file_of_googles_that_the_file_lists_is_known(cloud, tmp_path):
    """Unmodified programs go on with the key they have; left out of the file, it is known no more."""
    path = tmp_path / "google.json"
    key_file = a_google_file(path)
    listed = an_integration(cloud, service_accounts=(path,))
    data = tmp_path / "data"
    with Served(settings_in(data, listed, database="sqlite:home.db")) as served:
        served.until_link(lambda link: link.agent_user_id == "user-1")
        token = token_of(served, key_file, aud=key_file["token_uri"])
        (shown,) = served.admin("GET", "service-accounts?project=acme").json["keys"]
        assert (shown["id"], shown["origin"], shown["state"]) == ("k1", "file", "active")
        assert call(served, token=token).status == 200
    unlisted = replace(listed, service_accounts=())
    with Served(settings_in(data, unlisted, database="sqlite:home.db")) as served:
        assert call(served, token=token).status == 401
        assert ask(served, assertion(key_file)).json["error_description"] == NO_ACCOUNT


def test_a_key_file_that_is_listed_and_damaged_keeps_the_server_from_starting(cloud, tmp_path):
    """With its path."""
    path = tmp_path / "google.json"
    a_google_file(path, private_key="damaged")

    with (
        pytest.raises(SettingsError, match=r"google\.json: its private_key is damaged"),
        Served(settings_in(tmp_path / "data", an_integration(cloud, service_accounts=(path,)))),
    ):
        pass


# --- quota -------------------------------------------------------------------------------------------------------------


def test_a_project_has_its_calls_a_minute(cloud, tmp_path):
    """Keys and tokens share them; the call that waits is neither counted nor refused; others than the project are not harmed."""
    other = ProjectSettings("other", NOWHERE, api_keys=(KeySettings(Secret("other-key")),))
    settings = settings_in(tmp_path, an_integration(cloud), other, quota_per_minute=3)
    with Served(settings) as served:
        served.until_link(lambda link: link.agent_user_id == "user-1")
        token = fetched(created(served))
        for _ in range(5):
            assert call(served, token=token, body=b'{"agentUserId": "user-1"}').status == 200
        spent = [
            call(served, token=token).status,
            call(served, query=f"key={KEY}").status,
            call(
                served, query=f"key={KEY}", body=b'{"agentUserId": "nobody", "async": 1e0}'
            ).status,
            call(
                served, query=f"key={KEY}", body=b'{"agentUserId": "nobody", "async": true}'
            ).status,
        ]
        refused = call(served, token=token)
        waiting = call(served, token=token, body=b'{"agentUserId": "user-1"}')
        elsewhere = call(served, query="key=other-key")

    assert spent == [200, 200, 400, 404]
    assert (refused.status, refused.reason) == (429, "QUOTA_EXHAUSTED")
    assert "retry-after" not in refused.headers
    assert waiting.status == 200
    assert elsewhere.status == 404


def test_without_a_quota_nothing_is_counted(cloud, tmp_path):
    """0 switches it off."""
    with linked(tmp_path, cloud, quota_per_minute=0) as served:
        assert {call(served, query=f"key={KEY}").status for _ in range(20)} == {200}
