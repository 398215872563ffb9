"""``homegraph doctor`` with a service account's key file: each thing that can be wrong with it is found, and has a fix."""

from __future__ import annotations

import json

import pytest

from homegraph.wire.status import Explanation, render
from support.http_stub import Answer, closed_port
from support.signing import key, key_file, private_pem

TOKEN = "admin-token-that-nobody-may-see"
QUERY = "/v1/devices:query"
SERVICE_KEY = {
    "id": "kid-1",
    "project_id": "acme",
    "email": "sync@acme.iam.gserviceaccount.com",
    "state": "active",
}


def answered(reason):
    """An answer of the API, explained as our server does."""
    answer = render(reason, explain=Explanation((reason,), "http://h/errors/"))
    return Answer(answer.body, answer.http)


@pytest.fixture
def path(tmp_path, server):
    """A key file that is in order."""
    path = tmp_path / "key.json"
    path.write_text(json.dumps(key_file(server.url)))
    path.chmod(0o600)
    return path


@pytest.fixture
def doctor(run, server, path, monkeypatch):
    """Run the doctor where everything is well, but for what the test changes; returns the checks by name."""
    monkeypatch.setenv("HOMEGRAPH_SERVER", server.url)
    monkeypatch.setenv("HOMEGRAPH_ADMIN_TOKEN", TOKEN)
    server.on("GET", "/readyz", Answer(b"ok"))
    server.on("GET", "/-/api/doctor", {"checks": []})
    server.on("GET", "/-/api/projects", {"projects": [{"id": "other"}, {"id": "acme"}]})
    server.on("GET", "/-/api/service-accounts", {"keys": [SERVICE_KEY]})
    server.on("POST", "/token", {"access_token": "t0ken", "expires_in": 3599})
    server.on("POST", QUERY, answered("AGENT_USER_NEVER_LINKED"))

    def call(*options):
        done = run("doctor", "--credentials", str(path), "--json", *options)
        checks = {check["name"]: check for check in done.json["checks"]}
        assert done.code == (0 if all(check["ok"] for check in checks.values()) else 1)
        assert all(check["fix"] for check in checks.values() if not check["ok"])
        assert "t0ken" not in done.out
        assert private_pem(key())[40:80] not in done.out
        return checks

    return call


def failed(checks):
    """Names of the checks that failed."""
    return [name for name, check in checks.items() if not check["ok"]]


def test_all_is_well(doctor, server):
    """File, token, clock and Home Graph, and whose key it is; the agent user that is asked for is nobody's."""
    checks = doctor()

    assert [*checks] == [
        *("server", "admin token", "clock skew", "service account"),
        *("key file", "token clock", "access token", "HomeGraph API"),
    ]
    assert failed(checks) == []
    assert "sync@acme" in checks["key file"]["detail"]
    assert checks["service account"]["detail"] == (
        "sync@acme.iam.gserviceaccount.com of project acme, key kid-1 is active"
    )
    (asked,) = [seen for seen in server.seen if seen.path == QUERY]
    assert asked.headers["authorization"] == "Bearer t0ken"
    assert "nobody" in asked.json["agentUserId"]


def test_nothing_is_tried_without_a_key_file(run, doctor, server):
    """Who has no service account hears nothing of them."""
    done = run("doctor", "--json")

    assert "key file" not in done.out
    assert not [seen for seen in server.seen if seen.method == "POST"]


def test_variable_names_the_key_file(run, doctor, path, monkeypatch):
    """What programs find by GOOGLE_APPLICATION_CREDENTIALS is what is tried."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))

    done = run("doctor", "--json")

    assert done.code == 0
    assert str(path) in done.out


def test_key_file_that_others_can_read(doctor, path):
    """The fix can be pasted, and the rest is tried nevertheless."""
    path.chmod(0o640)

    checks = doctor()

    assert failed(checks) == ["key file"]
    assert "mode 0640" in checks["key file"]["detail"]
    assert checks["key file"]["fix"] == f"chmod 600 {path}"


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ("{", "not JSON"),
        (json.dumps(key_file("http://h", token_uri=None)), "lacks token_uri"),
        (json.dumps(key_file("http://h", private_key="x")), "private key"),
        (json.dumps(key_file("http://h", type="external_account")), "type"),
    ],
)
def test_key_file_that_is_none(doctor, path, content, detail):
    """What cannot be used is said, and nothing else is tried with it."""
    path.write_text(content)

    checks = doctor()

    assert "key file" in failed(checks)
    assert detail in checks["key file"]["detail"]
    assert "access token" not in checks


def test_missing_key_file(doctor, path):
    """A path that leads nowhere is shown."""
    path.unlink()

    assert str(path) in doctor()["key file"]["detail"]


def test_token_endpoint_refuses(doctor, server):
    """Google's sentence, and what it means."""
    server.on(
        "POST",
        "/token",
        Answer({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400),
    )

    checks = doctor()

    assert failed(checks) == ["access token"]
    assert "Invalid JWT Signature." in checks["access token"]["detail"]
    assert "private_key_id" in checks["access token"]["fix"]
    assert "HomeGraph API" not in checks


def test_token_endpoint_is_not_there(doctor, path):
    """Nobody at token_uri is told as such, and there is no clock to compare."""
    path.write_text(json.dumps(key_file(closed_port())))

    checks = doctor()

    assert failed(checks) == ["access token"]
    assert "refused" in checks["access token"]["detail"]
    assert "token clock" not in checks


def test_clock_that_is_wrong(doctor, server):
    """When iat is refused, the endpoint's own Date shows whether the clock is the reason."""
    refusal = {
        "error": "invalid_grant",
        "error_description": "Invalid JWT: Token must be a short-lived token (60 minutes) and in a "
        "reasonable timeframe. Check your iat and exp values in the JWT claim.",
    }
    date = {"date": "Thu, 01 Jan 1970 00:00:00 GMT"}
    server.on("POST", "/token", Answer(refusal, 400, date))

    checks = doctor()

    assert failed(checks) == ["token clock", "access token"]
    assert "NTP" in checks["token clock"]["fix"]


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        ("API_DISABLED", "has not been used in project"),
        ("ACCESS_TOKEN_UNKNOWN", "invalid authentication credentials"),
        ("SCOPE_MISSING", "insufficient authentication scopes"),
        ("STORE_UNAVAILABLE", "unavailable"),
    ],
)
def test_home_graph_refuses(doctor, server, reason, detail):
    """Whatever comes before the agent user is found, in the Home Graph's words and with our fix."""
    server.on("POST", QUERY, answered(reason))

    checks = doctor()

    assert failed(checks) == ["HomeGraph API"]
    assert detail in checks["HomeGraph API"]["detail"]


def test_something_else_answers(doctor, server):
    """A page with status 404 is not the NOT_FOUND that shows that all is well."""
    other = server.url + "/elsewhere"

    checks = doctor("--base-url", other)

    # The key belongs to another Home Graph, so that the server here is not asked about it.
    assert "service account" not in checks
    assert failed(checks) == ["HomeGraph API"]


def test_key_that_was_revoked(doctor, server):
    """The server knows, and says so."""
    server.on("GET", "/-/api/service-accounts", {"keys": [{**SERVICE_KEY, "state": "revoked"}]})

    checks = doctor()

    assert failed(checks) == ["service account"]
    assert "kid-1 is revoked" in checks["service account"]["detail"]


def test_key_of_another_server(doctor, server):
    """A key that the server has not is named; all its projects were looked through, the file's own first."""
    server.on("GET", "/-/api/service-accounts", {"keys": [{**SERVICE_KEY, "id": "other"}]})

    checks = doctor()

    assert failed(checks) == ["service account"]
    asked = [
        seen.query["project"] for seen in server.seen if seen.path.endswith("service-accounts")
    ]
    assert asked == ["acme", "other"]


@pytest.mark.parametrize(("project", "ok"), [("acme", True), ("acme-test", False)])
def test_project_that_is_meant(doctor, project, ok, monkeypatch):
    """--project, else GOOGLE_CLOUD_PROJECT, says whose the key file should be."""
    assert doctor("--project", project)["project"]["ok"] is ok

    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
    checks = doctor()
    assert checks["project"]["ok"] is ok
    assert ok or "acme-test" in checks["project"]["detail"]


def test_google_needs_a_key_file(run):
    """Without one there is nothing to try there."""
    done = run("doctor", "--target", "google")

    assert done.code == 2
    assert "--credentials" in done.err


def test_google_alone(run, path, server, monkeypatch):
    """With --target google no server here is looked for."""
    monkeypatch.setattr("homegraph.cli.caller.GOOGLE_BASE_URL", server.url)
    server.on("POST", "/token", {"access_token": "t0ken", "expires_in": 3599})
    server.on("POST", QUERY, answered("AGENT_USER_NEVER_LINKED"))

    done = run("doctor", "--target", "google", "--credentials", str(path))

    assert done.code == 0, done.out
    assert [line.split(":")[0] for line in done.out.splitlines()] == [
        *("ok    key file", "ok    token clock", "ok    access token", "ok    HomeGraph API"),
    ]
