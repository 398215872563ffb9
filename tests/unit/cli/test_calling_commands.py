"""The commands that call the public API: where they call, who they say they are, what they send and print."""

from __future__ import annotations

import json

import pytest

from homegraph.cli.caller import To, address
from homegraph.cli.report import value_of
from homegraph.wire.status import Explanation, render
from support.http_stub import Answer, closed_port
from support.signing import key_file

KEY = "AIzaSyA-secret_secret_secret_secret_123"
TOKEN = "admin-token-that-nobody-may-see"

REQUEST_SYNC = "/v1/devices:requestSync"
REPORT = "/v1/devices:reportStateAndNotification"
QUERY = "/v1/devices:query"
DELETE = "/v1/agentUsers/user-1"

RUN = {
    "id": "0633f2a9c4",
    "project_id": "acme",
    "agent_user_id": "user-1",
    "cause": "request",
    "mode": "sync",
    "outcome": "done",
    "merged": 1,
    "attempt": 1,
    "added": 1,
    "started_at": "2026-11-22T10:42:07.500Z",
}
DATE = "Sun, 22 Nov 2026 10:42:07 GMT"


@pytest.fixture
def keys(tmp_path, server):
    """The path of a key file whose token endpoint is the server."""
    server.on("POST", "/token", {"access_token": "t0ken", "expires_in": 3599})
    path = tmp_path / "key.json"
    path.write_text(json.dumps(key_file(server.url)))
    path.chmod(0o600)
    return path


@pytest.fixture
def caller(run, server, keys, monkeypatch):
    """Run a command that calls the server with the service account."""
    monkeypatch.setenv("HOMEGRAPH_BASE_URL", server.url)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(keys))
    return run


def calls(server, path):
    """The calls of a path."""
    return [seen for seen in server.seen if seen.path == path]


# --- where, and who --------------------------------------------------------------------------------------------------


class TestAddress:
    @pytest.mark.parametrize(
        ("target", "base_url", "server", "variables", "expected"),
        [
            (None, None, None, {}, "http://127.0.0.1:4663"),
            (None, None, None, {"HOMEGRAPH_SERVER": "http://box:1"}, "http://box:1"),
            (None, None, "http://opt:1", {"HOMEGRAPH_SERVER": "http://box:1"}, "http://opt:1"),
            (None, None, "http://opt:1", {"HOMEGRAPH_BASE_URL": "http://b:2"}, "http://b:2"),
            (None, None, None, {"HOMEGRAPH_EMULATOR_HOST": "e:3"}, "http://e:3"),
            (To.LOCAL, None, None, {"HOMEGRAPH_BASE_URL": "http://b:2"}, "http://127.0.0.1:4663"),
            (To.GOOGLE, None, None, {}, "https://homegraph.googleapis.com"),
            (None, "http://arg:4/", None, {"HOMEGRAPH_BASE_URL": "http://b:2"}, "http://arg:4"),
        ],
    )
    def test_first_that_is_given_counts(
        self, target, base_url, server, variables, expected, monkeypatch
    ):
        """Option before variable before the server that is here; --target local means that one."""
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

        assert address(target, base_url, server) == expected

    def test_two_addresses_are_one_too_many(self, run):
        """Which one is meant is not guessed."""
        done = run("query", "u", "d", "--target", "google", "--base-url", "http://h")

        assert done.code == 2
        assert "--target or --base-url" in done.err


class TestWhoCalls:
    @pytest.fixture
    def sync(self, run, server):
        """Request a sync with some options; returns the headers that arrived."""
        server.on("POST", REQUEST_SYNC, {})

        def call(*options):
            done = run("sync", "user-1", "--base-url", server.url, *options)
            assert done.code == 0, done.err
            return calls(server, REQUEST_SYNC)[-1].headers

        return call

    def test_key_file(self, sync, keys):
        """--credentials names a service account."""
        assert sync("--credentials", str(keys))["authorization"] == "Bearer t0ken"

    def test_api_key_file(self, sync, tmp_path):
        """--api-key-file names a file that holds the key, and perhaps a line break."""
        (tmp_path / "key").write_text(f"{KEY}\n")

        headers = sync("--api-key-file", str(tmp_path / "key"))

        assert headers["x-goog-api-key"] == KEY
        assert "authorization" not in headers

    def test_variables(self, sync, keys, tmp_path, monkeypatch):
        """Our variable counts before Google's, and options before both."""
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(keys))
        assert sync()["authorization"] == "Bearer t0ken"

        (tmp_path / "key").write_text("AIza-from-file")
        monkeypatch.setenv("HOMEGRAPH_API_KEY_FILE", str(tmp_path / "key"))
        assert sync()["x-goog-api-key"] == "AIza-from-file"

        monkeypatch.setenv("HOMEGRAPH_API_KEY", KEY)
        assert sync()["x-goog-api-key"] == KEY

        assert "x-goog-api-key" not in sync("--credentials", str(keys))

    def test_api_key_is_not_for_the_other_calls(self, run, server, monkeypatch):
        """A key in the environment is not sent where no key is taken; what is needed is said."""
        monkeypatch.setenv("HOMEGRAPH_API_KEY", KEY)

        done = run("query", "user-1", "lamp-1", "--base-url", server.url)

        assert done.code == 2
        assert "service-accounts create" in done.err
        assert "GOOGLE_APPLICATION_CREDENTIALS" in done.err
        assert not server.seen

    def test_two_credentials_are_one_too_many(self, run):
        """Which one is meant is not guessed."""
        done = run("sync", "u", "--credentials", "a.json", "--api-key-file", "b")

        assert done.code == 2
        assert "--credentials or --api-key-file" in done.err

    @pytest.mark.parametrize(
        ("option", "place"), [("--credentials", "key file"), ("--api-key-file", "API key")]
    )
    def test_file_that_is_not_there(self, run, server, option, place):
        """The file is named, and nothing is sent."""
        done = run("sync", "u", "--base-url", server.url, option, "nowhere.json")

        assert done.code == 2
        assert place in done.err
        assert "nowhere.json" in done.err
        assert not server.seen

    def test_token_that_is_refused(self, caller, server):
        """Why there is no token is an error like any other: not allowed, with what to do."""
        server.on(
            "POST",
            "/token",
            Answer({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400),
        )

        done = caller("query", "user-1", "lamp-1", "--json")

        assert done.code == 4
        assert done.error["message"] == "No access token: Invalid JWT Signature."
        assert done.error["code"] == "ASSERTION_SIGNATURE"
        assert "private_key_id" in done.error["fix"]


# --- sync ------------------------------------------------------------------------------------------------------------


class TestSync:
    def test_done(self, caller, server):
        """Without --async the SYNC is done when the command ends."""
        server.on("POST", REQUEST_SYNC, Answer(b"{}\n"))

        done = caller("sync", "user-1")

        assert (done.code, done.out) == (0, "The SYNC for user-1 is done.\n")
        assert calls(server, REQUEST_SYNC)[0].json == {"agentUserId": "user-1"}

    def test_async(self, caller, server):
        """With it the SYNC is yet to come."""
        server.on("POST", REQUEST_SYNC, {})

        done = caller("sync", "user-1", "--async")

        assert (done.code, done.out) == (0, "A SYNC for user-1 will follow.\n")
        assert calls(server, REQUEST_SYNC)[0].json["async"] is True

    def test_json_is_the_answer(self, caller, server):
        """The server's document is handed through."""
        server.on("POST", REQUEST_SYNC, {})

        assert caller("sync", "user-1", "--json").json == {}

    def test_refusal(self, caller, server):
        """The reason decides about the exit code, and is explained."""
        answer = render(
            "AGENT_USER_NEVER_LINKED",
            explain=Explanation(("AGENT_USER_NEVER_LINKED",), "http://h/"),
        )
        server.on("POST", REQUEST_SYNC, Answer(answer.body, answer.http))

        done = caller("sync", "user-1", "--json")

        assert (done.code, done.error["code"]) == (5, "AGENT_USER_NEVER_LINKED")

    def test_timeout(self, caller, server):
        """--timeout ends the wait for the outcome."""
        done = caller("sync", "user-1", "--base-url", closed_port(), "--timeout", "200ms")

        assert done.code == 3


class TestWait:
    @pytest.fixture
    def waiting(self, caller, server, monkeypatch):
        """Run ``sync --wait`` with these answers about runs, newest first in each."""
        monkeypatch.setenv("HOMEGRAPH_SERVER", server.url)
        monkeypatch.setenv("HOMEGRAPH_ADMIN_TOKEN", TOKEN)
        server.on("GET", "/-/api/projects", {"projects": [{"id": "acme"}]})
        server.on("POST", REQUEST_SYNC, Answer({}, headers={"date": DATE}))

        def call(*options, runs, run=RUN):
            server.on("GET", "/-/api/runs", *({"runs": listed} for listed in runs))
            server.on("GET", "/-/api/run", run)
            return caller("sync", "user-1", "--wait", *options)

        return call

    def test_shows_the_run(self, waiting, server):
        """What the SYNC did is drawn as `runs show` does."""
        done = waiting(runs=[[], [RUN]])

        assert done.code == 0
        assert "run 0633f2a9c4   acme / user-1" in done.out
        assert "+1 added" in done.out
        for asked in calls(server, "/-/api/runs"):
            assert asked.query["agent_user"] == "user-1"
            assert asked.query["project"] == "acme"

    def test_run_of_the_same_mode(self, waiting, server):
        """Neither a queued run that came between nor an older one is taken for the one that was waited for."""
        queued = {**RUN, "id": "other", "mode": "async"}
        older = {**RUN, "id": "older"}

        waiting(runs=[[older], [queued, RUN, older]])

        assert calls(server, "/-/api/run")[0].query == {"id": RUN["id"]}

    def test_async_waits_for_a_run_that_began_afterwards(self, waiting, server):
        """One that was under way may have read the old devices; the first after the request is shown."""
        before = {**RUN, "id": "before", "started_at": "2026-11-22T10:42:06.999Z"}
        ended = {**RUN, "id": "ended"}
        first = {**RUN, "id": "first", "mode": "async"}
        later = {**first, "id": "later", "started_at": "2026-11-22T10:42:09.000Z"}

        done = waiting("--async", runs=[[ended], [before, ended], [later, first, before, ended]])

        assert done.code == 0
        assert calls(server, "/-/api/run")[0].query == {"id": "first"}
        assert len(calls(server, "/-/api/runs")) == 3

    @pytest.mark.parametrize("outcome", ["failed", "retrying", "gave_up"])
    def test_run_that_failed(self, waiting, outcome):
        """The run is shown, and the exit code says that it failed."""
        failed = {**RUN, "mode": "async", "outcome": outcome, "reason": "FULFILLMENT_TIMEOUT"}

        done = waiting("--async", "--json", runs=[[], [failed]], run=failed)

        assert (done.code, done.json["outcome"]) == (1, outcome)

    def test_no_run_in_time(self, waiting):
        """Waiting has an end, with an exit code of its own."""
        done = waiting("--async", "--timeout", "100ms", runs=[[]])

        assert done.code == 7
        assert "within 0.1 s" in done.err
        assert "runs list" in done.err

    def test_google_tells_nothing(self, run):
        """What a SYNC did can be asked of our server only."""
        done = run("sync", "u", "--wait", "--target", "google")

        assert done.code == 2
        assert "--wait" in done.err


# --- report ----------------------------------------------------------------------------------------------------------


class TestReport:
    @pytest.fixture
    def reported(self, caller, server):
        """Run the command; returns what arrived."""
        server.on("POST", REPORT, {"requestId": "r"})

        def call(*arguments):
            done = caller("report", "user-1", *arguments)
            assert done.code == 0, done.err
            return calls(server, REPORT)[-1].json

        return call

    def test_values(self, reported):
        """JSON counts as JSON, and anything else as text."""
        given = [
            "online=true",
            "brightness=40",
            'name="x"',
            "mode=heat",
            'color={"spectrumRgb":255}',
        ]

        assert reported("lamp-1", *given)["payload"]["devices"]["states"] == {
            "lamp-1": {
                "online": True,
                "brightness": 40,
                "name": "x",
                "mode": "heat",
                "color": {"spectrumRgb": 255},
            }
        }

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("1.5", 1.5),
            ("null", None),
            ("NaN", "NaN"),
            ("-Infinity", "-Infinity"),
            ("1e400", "1e400"),
            ('{"a": -1e999}', '{"a": -1e999}'),
            ("", ""),
            ("a=b", "a=b"),
            ("[1", "[1"),
            ("[" * 100_000, "[" * 100_000),
            ("'x'", "'x'"),
        ],
    )
    def test_odd_values(self, text, value):
        """Python's own constants are no JSON, and whatever cannot be read is text."""
        assert value_of(text) == value

    def test_file_with_several_devices(self, reported, tmp_path):
        """Without a device the file has them by id."""
        states = {"lamp-1": {"on": True}, "lamp-2": {"on": False}}
        (tmp_path / "states.json").write_text(json.dumps(states))

        sent = reported("--json-states", "states.json")

        assert sent["payload"]["devices"] == {"states": states}

    def test_file_with_states_of_one_device(self, reported, tmp_path):
        """With a device the file has its states, and the command line counts more."""
        (tmp_path / "states.json").write_text('{"on": true, "brightness": 1}')

        sent = reported("lamp-1", "brightness=2", "--json-states", "states.json")

        assert sent["payload"]["devices"]["states"] == {"lamp-1": {"on": True, "brightness": 2}}

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (
                b'{"lamp-1": {"brightness": 1e400}}',
                "is not JSON: 1e400 is beyond the largest number",
            ),
            (b'{"lamp-1": {"x": "' + b"x" * 4_200_000 + b'"}}', "has more than 4 MiB"),
        ],
        ids=["number", "size"],
    )
    def test_file_that_no_report_could_be_made_of(self, caller, tmp_path, content, told):
        """It is said of the file, before anything is sent."""
        (tmp_path / "states.json").write_bytes(content)

        done = caller("report", "user-1", "--json-states", str(tmp_path / "states.json"))

        assert done.code == 2
        assert told in done.err

    def test_notifications(self, reported, tmp_path):
        """They come from a file, with the id of their event, with states or without."""
        notifications = {"bell": {"ObjectDetection": {"priority": 0}}}
        (tmp_path / "n.json").write_text(json.dumps(notifications))

        sent = reported("--json-notifications", "n.json", "--event-id", "e-1")

        assert sent["eventId"] == "e-1"
        assert sent["payload"]["devices"] == {"notifications": notifications}

    def test_stdin(self, process, server, keys):
        """A dash reads the states from a pipe."""
        server.on("POST", REPORT, {})

        done = process(
            *("report", "user-1", "--json-states", "-", "--base-url", server.url),
            *("--credentials", str(keys)),
            stdin='{"lamp-1": {"on": true}}',
        )

        assert (done.code, done.out) == (0, "Reported 1 device of user-1.\n")

    def test_json_is_the_answer(self, caller, server):
        """The server's document is handed through."""
        server.on("POST", REPORT, {"requestId": "r"})

        assert caller("report", "user-1", "lamp-1", "on=true", "--json").json == {"requestId": "r"}

    def test_wrong_fields_are_named(self, caller, server):
        """What is wrong with a report stands beside where, in text and as JSON."""
        code, place = "STATE_NULL", 'payload.devices.states["lamp-1"].on'
        facts = {"wrong_fields": ((place, "'on' is null."),)}
        answer = render(code, facts, explain=Explanation((code,), "http://h/"))
        server.on("POST", REPORT, Answer(answer.body, answer.http))

        shown = caller("report", "user-1", "lamp-1", "on=null")
        told = caller("report", "user-1", "lamp-1", "on=null", "--json")

        assert f"where: {place}: 'on' is null." in shown.err.splitlines()
        assert told.error["fields"] == [{"field": place, "description": "'on' is null."}]

    @pytest.mark.parametrize(
        ("arguments", "word"),
        [
            (["lamp-1"], "NAME=VALUE"),
            ([], "--json-states"),
            (["lamp-1", "on"], "'on'"),
            (["lamp-1", "=true"], "'=true'"),
            (["--json-states", "none.json"], "none.json"),
            (["--json-states", "list.json"], "not a JSON object"),
            (["--json-states", "text.json"], "not JSON"),
            (["--json-states", "flat.json"], "'on' is no object"),
        ],
    )
    def test_wrong_usage(self, caller, server, tmp_path, arguments, word):
        """What cannot be reported is said before anything is sent."""
        for name, content in [("list", "[]"), ("text", "on: true"), ("flat", '{"on": true}')]:
            (tmp_path / f"{name}.json").write_text(content)

        done = caller("report", "user-1", *arguments)

        assert (done.code, server.seen) == (2, [])
        assert word in done.err


# --- query -----------------------------------------------------------------------------------------------------------


class TestQuery:
    def test_table(self, caller, server):
        """A line for each state; what is foreign text is shown and not obeyed."""
        states = {
            "lamp-1": {"online": True, "name": "\x1b[2J", "color": {"spectrumRgb": 255}},
            "lamp-2": {},
        }
        server.on("POST", QUERY, {"payload": {"devices": states}})

        done = caller("query", "user-1", "lamp-1", "lamp-2")

        assert done.code == 0
        assert [line.split() for line in done.out.splitlines()] == [
            ["DEVICE", "STATE", "VALUE"],
            ["lamp-1", "online", "true"],
            ["lamp-1", "name", "\\x1b[2J"],
            ["lamp-1", "color", '{"spectrumRgb":255}'],
            ["lamp-2", "-", "-"],
        ]
        assert calls(server, QUERY)[0].json["inputs"] == [
            {"payload": {"devices": [{"id": "lamp-1"}, {"id": "lamp-2"}]}}
        ]

    def test_json_is_the_answer(self, caller, server):
        """The server's document is handed through, whatever is in it."""
        answer = {"payload": {"devices": {"a": {"on": True}}, "deviceMetadata": {}}}
        server.on("POST", QUERY, answer)

        assert caller("query", "user-1", "a", "--json").json == answer


# --- agent-users -----------------------------------------------------------------------------------------------------


class TestDelete:
    def test_needs_a_yes(self, caller, server):
        """Where nobody can be asked, nothing is deleted without it."""
        done = caller("agent-users", "delete", "user-1")

        assert (done.code, calls(server, DELETE)) == (2, [])
        assert "--yes" in done.err

    def test_with_a_yes(self, caller, server):
        """The Home Graph is named that has forgotten."""
        server.on("DELETE", DELETE, {})

        done = caller("agent-users", "delete", "user-1", "--yes")

        assert (done.code, done.out) == (0, f"{server.url} has forgotten user-1.\n")

    def test_json_is_the_answer(self, caller, server):
        """The server's document is handed through."""
        server.on("DELETE", DELETE, {})

        assert caller("agent-users", "delete", "user-1", "--yes", "--json").json == {}

    @pytest.mark.parametrize(("said", "deleted"), [(True, 1), (False, 0)])
    def test_asks_on_a_terminal(self, caller, server, monkeypatch, said, deleted):
        """The question names whom and where."""
        questions = []
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        monkeypatch.setattr(
            "typer.confirm", lambda question, **_: (questions.append(question), said)[1]
        )
        server.on("DELETE", DELETE, {})

        done = caller("agent-users", "delete", "user-1")

        assert (done.code, len(calls(server, DELETE))) == (1 - deleted, deleted)
        assert questions == [f"Have {server.url} forget user-1, with all links and devices?"]
