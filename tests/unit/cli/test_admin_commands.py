"""The commands that talk to a server: what they ask, what they print, and that JSON is handed through."""

from __future__ import annotations

import pytest

from homegraph.cli import doctor
from homegraph.cli.doctor import skew
from homegraph.service.doctor import DATABASE_SECONDS_MAX
from support.http_stub import Answer

TOKEN = "admin-token-that-nobody-may-see"

PROJECT = {
    "id": "acme",
    "number": "123456789012",
    "fulfillment_url": "http://127.0.0.1:3000/smarthome",
    "api_enabled": True,
    "suspended": False,
    "empty_sync": "keep",
    "keys": 2,
    "links": {"linked": 3, "broken": 1, "linking": 0},
    "agent_users": 3,
}
KEY = {
    "id": "3f9a01bc",
    "project_id": "acme",
    "hint": "AIzaSyA-",
    "state": "active",
    "origin": "admin",
    "created_at": "2026-11-22T10:42:07.123Z",
    "expires_at": None,
    "revoked_at": None,
    "methods": ["devices.requestSync"],
    "addresses": ["10.0.0.0/8"],
}
LINK = {
    "project_id": "acme",
    "user": "anna",
    "state": "broken",
    "agent_user_id": "user-1",
    "problem": "TOKEN_REFUSED",
    "created_at": "2026-11-20T08:00:00.000Z",
    "changed_at": "2026-11-22T10:42:07.123Z",
    "next_attempt_at": None,
    "attempts": 0,
}
DEVICE = {
    "id": "lamp-1",
    "type": "action.devices.types.LIGHT",
    "traits": ["action.devices.traits.OnOff", "action.devices.traits.Brightness"],
    "name": {"name": "Lamp"},
    "attributes": {"commandOnlyOnOff": False},
    "placement": {"room": "Kitchen", "name": "Lamp", "nicknames": [], "chosen": ["room"]},
}
RUN = {
    "id": "0633f2a9c4",
    "project_id": "acme",
    "agent_user_id": "user-1",
    "user_id": "",
    "cause": "request",
    "mode": "async",
    "outcome": "done",
    "merged": 3,
    "attempt": 1,
    "added": 1,
    "changed": 1,
    "removed": 0,
    "reason": "",
    "message": "",
    "requested_at": "2026-11-22T10:42:06.000Z",
    "started_at": "2026-11-22T10:42:07.000Z",
    "finished_at": "2026-11-22T10:42:07.200Z",
    "next_at": None,
}

STATUS = {
    "version": "0.1.0",
    "uptime_seconds": 3725.5,
    "listen": "127.0.0.1:4663",
    "database": "sqlite:home.db",
    "ready": True,
    "checks": [{"name": "database", "ok": True, "detail": "fine"}],
    "counts": {
        "projects": 1,
        "agent_users": 2,
        "devices": 5,
        "links": {"linked": 2},
        "runs": 9,
    },
    "settings": [
        {"name": "listen", "value": "127.0.0.1:4663", "source": "default"},
        {"name": "explain", "value": True, "source": "homegraph.toml:3"},
    ],
    "warnings": ["it holds secrets"],
}


class TestCommonToAll:
    def test_token_is_sent_as_bearer(self, admin, server):
        """The admin token travels in the Authorization header, and is never printed."""
        server.on("GET", "/-/api/projects", {"projects": []})

        done = admin("projects", "list")

        assert server.seen[0].headers["authorization"] == f"Bearer {TOKEN}"
        assert TOKEN not in done.out + done.err

    @pytest.mark.parametrize(
        ("arguments", "path", "document"),
        [
            (["projects", "list"], "projects", {"projects": [PROJECT]}),
            (["projects", "show", "acme"], "projects/acme", PROJECT | {"oauth": {"pkce": False}}),
            (["keys", "list", "--project", "acme"], "keys", {"keys": [KEY]}),
            (["links", "list"], "links", {"links": [LINK]}),
            (["links", "show", "anna", "--project", "acme"], "link", LINK | {"explanation": None}),
            (
                ["devices", "list", "--project", "acme", "--agent-user", "user-1"],
                "devices",
                {"devices": [DEVICE]},
            ),
            (
                ["devices", "show", "lamp-1", "--project", "acme", "--agent-user", "user-1"],
                "device",
                DEVICE,
            ),
            (["runs", "list"], "runs", {"runs": [RUN]}),
            (["runs", "show", "0633f2a9c4"], "run", RUN | {"exchanges": []}),
            (["status"], "status", {"ready": True, "counts": {}, "later": 18446744073709551615}),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_json_is_the_servers_document(self, admin, server, arguments, path, document):
        """--json prints what the server said, member for member, with numbers and order untouched."""
        server.on("GET", f"/-/api/{path}", document)

        done = admin(*arguments, "--json")

        assert (done.code, done.err) == (0, "")
        assert done.json == document
        assert list(done.json) == list(document)

    @pytest.mark.parametrize("group", ["projects", "links", "runs"])
    def test_empty_list_says_how_to_fill_it(self, admin, server, group):
        """Nothing to show is nothing on stdout and a hint on stderr."""
        server.on("GET", f"/-/api/{group}", {group: []})

        done = admin(group, "list")

        assert (done.code, done.out) == (0, "")
        assert done.err.startswith("No ")

    def test_members_of_a_newer_server_do_no_harm(self, admin, server):
        """A command reads what it knows and skips the rest; what is missing is left empty."""
        server.on("GET", "/-/api/projects", {"projects": [{"id": "acme", "colour": "red"}], "n": 1})

        assert "acme" in admin("projects", "list").out

    def test_foreign_text_cannot_repaint_the_terminal(self, admin, server):
        """Control characters in what a fulfillment wrote are shown as text, one line per row."""
        named = DEVICE["placement"] | {"name": "La\x1b[31mmp\n\u202e"}
        server.on("GET", "/-/api/devices", {"devices": [DEVICE | {"placement": named}]})

        done = admin("devices", "list", "--project", "acme", "--agent-user", "u")

        assert "La\\x1b[31mmp\\n\\u202e" in done.out
        assert len(done.out.splitlines()) == 2


class TestProjectOption:
    def test_the_only_project_need_not_be_named(self, admin, server):
        """With one project on the server, --project is looked up."""
        server.on("GET", "/-/api/projects", {"projects": [PROJECT]})
        server.on("GET", "/-/api/keys", {"keys": [KEY]})

        assert admin("keys", "list").code == 0
        assert server.seen[-1].query == {"project": "acme"}

    @pytest.mark.parametrize(
        ("projects", "word"), [([], "no project"), ([PROJECT, PROJECT | {"id": "b"}], "acme, b")]
    )
    def test_otherwise_it_is_wrong_usage(self, admin, server, projects, word):
        """With several projects, or none, the command says which there are and asks nothing of the server."""
        server.on("GET", "/-/api/projects", {"projects": projects})

        done = admin("keys", "list")

        assert done.code == 2
        assert "--project" in done.err
        assert word in done.err
        assert len(server.seen) == 1


class TestProjects:
    def test_list(self, admin, server):
        """One aligned row per project."""
        disabled = {"id": "b", "fulfillment_url": "https://b", "api_enabled": False}
        server.on(
            "GET",
            "/-/api/projects",
            {"projects": [PROJECT, disabled, disabled | {"suspended": True}]},
        )

        assert admin("projects", "list").out == (
            "PROJECT  FULFILLMENT                      API        KEYS  LINKS               USERS\n"
            "acme     http://127.0.0.1:3000/smarthome  enabled    2     3 linked, 1 broken  3\n"
            "b        https://b                        disabled   0     0                   0\n"
            "b        https://b                        suspended  0     0                   0\n"
        )

    def test_show(self, admin, server):
        """The OAuth client is shown with its members' own names."""
        oauth = {"client_id": "homegraph", "has_client_secret": True, "scopes": ["a"]}
        server.on("GET", "/-/api/projects/acme", PROJECT | {"oauth": oauth})

        lines = admin("projects", "show", "acme").out.splitlines()

        assert lines[0].split() == ["project", "acme"]
        assert [line.split()[1] for line in lines[-3:]] == ["homegraph", "true", '["a"]']

    def test_name_is_one_segment_of_the_path(self, admin, server):
        """An id cannot climb out of its place in the path."""
        server.on("GET", "/-/api/projects/..%2Fkeys%3Fx", PROJECT)

        assert admin("projects", "show", "../keys?x").code == 0


class TestKeys:
    def test_create(self, admin, server):
        """Stdout has the key and nothing else, so that a script can take it; what is said of it goes to stderr."""
        server.on("POST", "/-/api/keys", KEY | {"key": "AIzaTheKeyItself"})

        done = admin(
            *("keys", "create", "--project", "acme", "--expires", "2027-01-31T12:00:00+01:00"),
            *("--methods", "devices.requestSync", "--addresses", "10.0.0.0/8, ::1/128"),
        )

        assert (done.code, done.out) == (0, "AIzaTheKeyItself\n")
        assert "AIzaTheKeyItself" not in done.err
        assert "3f9a01bc" in done.err
        assert server.seen[0].json == {
            "project": "acme",
            "expires_at": "2027-01-31T11:00:00Z",
            "methods": ["devices.requestSync"],
            "addresses": ["10.0.0.0/8", "::1/128"],
        }

    def test_create_without_restrictions(self, admin, server):
        """What is not given is not sent."""
        server.on("POST", "/-/api/keys", KEY | {"key": "k"})

        admin("keys", "create", "--project", "acme")

        assert server.seen[0].json == {"project": "acme"}

    def test_list(self, admin, server):
        """A key is shown by its beginning, with what it is restricted to."""
        server.on("GET", "/-/api/keys", {"keys": [KEY]})

        (row,) = admin("keys", "list", "--project", "acme").out.splitlines()[1:]

        assert row.split("  ")[:2] == ["3f9a01bc", "AIzaSyA-"]
        assert row.endswith("devices.requestSync, 10.0.0.0/8")

    def test_revoke(self, admin, server):
        """The key is named by its id, and its new state is shown."""
        server.on("POST", "/-/api/keys/revoke", KEY | {"state": "revoked"})

        done = admin("keys", "revoke", "3f9a01bc", "--project", "acme")

        assert done.out == "Key 3f9a01bc of project acme is revoked.\n"
        assert server.seen[0].json == {"project": "acme", "id": "3f9a01bc"}


class TestLinks:
    def test_list_of_one_project(self, admin, server):
        """--project narrows the list; without it all projects' links are asked for."""
        server.on("GET", "/-/api/links", {"links": [LINK]})

        admin("links", "list", "--project", "acme")
        done = admin("links", "list")

        assert [seen.query for seen in server.seen] == [{"project": "acme"}, {}]
        assert "TOKEN_REFUSED" in done.out

    def test_more_than_one_answer_holds(self, admin, server):
        """A list that goes on says how to ask for the rest."""
        server.on("GET", "/-/api/links", {"links": [LINK], "next_after": "anna"})

        done = admin("links", "list", "--project", "acme", "--after", "aaron", "--limit", "1")

        assert server.seen[0].query == {"project": "acme", "after": "aaron", "limit": "1"}
        assert "--after anna" in done.err

    def test_show_explains_the_problem(self, admin, server):
        """What is wrong is told in words, with what to do."""
        told = {"title": "Refused.", "why": "Because.", "fix": "Link again."}
        server.on("GET", "/-/api/link", LINK | {"explanation": told, "attempts": 2})
        server.on("GET", "/-/api/runs", {"runs": [RUN]})

        done = admin("links", "show", "anna", "--project", "acme")

        assert server.seen[0].query == {"project": "acme", "user": "anna"}
        assert [line.split()[0] for line in done.out.splitlines()[-3:]] == ["what", "why", "fix"]

    @pytest.mark.parametrize("agent_user_id", ["", "user-1"])
    def test_show_leads_to_the_run_that_has_the_words(self, admin, server, agent_user_id):
        """The newest with this problem; before the first SYNC of this user, among those of others."""
        problem = {"reason": "TOKEN_REFUSED", "message": "It was revoked.", "agent_user_id": ""}
        runs = [
            RUN | {"id": "r4"},
            RUN | problem | {"id": "r3", "user_id": "ben"},
            RUN | problem | {"id": "r2", "user_id": "anna"},
            RUN | problem | {"id": "r1", "user_id": "anna"},
        ]
        if agent_user_id:
            runs = [RUN | problem | {"id": "r2", "agent_user_id": agent_user_id}]
        server.on("GET", "/-/api/link", LINK | {"agent_user_id": agent_user_id})
        server.on("GET", "/-/api/runs", {"runs": runs})

        out = admin("links", "show", "anna", "--project", "acme").out

        asked = {"project": "acme", "limit": "100"}
        assert server.seen[1].query == (
            asked | {"agent_user": agent_user_id} if agent_user_id else asked
        )
        assert "in words    It was revoked.\n" in out
        assert "see         homegraph runs show r2\n" in out

    @pytest.mark.parametrize(
        ("typed", "code", "calls"), [("n\n", 1, 0), ("\n", 1, 0), ("y\n", 0, 1)]
    )
    def test_unlink_asks_on_a_terminal(self, terminal, server, typed, code, calls):
        """And does it only when the answer is yes; whoever says no, or nothing, is told that nothing was changed."""
        server.on("POST", "/-/api/links/unlink", LINK)
        known = {"HOMEGRAPH_SERVER": server.url, "HOMEGRAPH_ADMIN_TOKEN": TOKEN}
        done = terminal("links", "unlink", "anna", "--project", "acme", typed=typed, **known)

        assert "End the link of anna to acme? Its devices may go with it. [y/N]" in done.err
        assert (done.code, len(server.seen)) == (code, calls)
        assert ("Nothing was changed." in done.err) is (code == 1)

    def test_unlink_needs_yes_where_nobody_can_be_asked(self, process, server, monkeypatch):
        """Without a terminal and without --yes nothing is changed."""
        monkeypatch.setenv("HOMEGRAPH_SERVER", server.url)
        monkeypatch.setenv("HOMEGRAPH_ADMIN_TOKEN", TOKEN)
        server.on("POST", "/-/api/links/unlink", LINK)

        refused = process("links", "unlink", "anna", "--project", "acme")
        assert (refused.code, server.seen) == (2, [])
        assert "--yes" in refused.err

        done = process("links", "unlink", "anna", "--project", "acme", "--yes")
        assert (done.code, done.out) == (0, "The link of anna to acme is broken.\n")
        assert server.seen[0].json == {"project": "acme", "user": "anna"}


class TestDevices:
    def test_list(self, admin, server):
        """Google's long prefixes are left away in the table."""
        server.on("GET", "/-/api/devices", {"devices": [DEVICE]})

        done = admin("devices", "list", "--project", "acme", "--agent-user", "user-1")

        assert server.seen[0].query == {"project": "acme", "agent_user": "user-1"}
        assert done.out.splitlines()[1].split() == [
            *("lamp-1", "Lamp", "Kitchen", "LIGHT", "OnOff,", "Brightness"),
        ]

    def test_show(self, admin, server):
        """The placement says what was chosen here; then comes the definition without it."""
        server.on("GET", "/-/api/device", DEVICE)

        out = admin("devices", "show", "lamp-1", "--agent-user", "u", "--project", "acme").out

        assert server.seen[0].query == {"project": "acme", "agent_user": "u", "id": "lamp-1"}
        assert "Kitchen  (chosen here)" in out
        assert '"commandOnlyOnOff": false' in out
        assert "placement" not in out

    @pytest.mark.parametrize(
        ("given", "sent"),
        [
            (["--room", "Hall"], {"room": "Hall"}),
            (
                ["--name", "Moon", "--nickname", "a", "--nickname", "b"],
                {"name": "Moon", "nicknames": ["a", "b"]},
            ),
            (["--nickname", ""], {"nicknames": []}),
            (["--room", ""], {"room": ""}),
        ],
    )
    def test_place_sends_only_what_is_given(self, admin, server, given, sent):
        """What is not named stays as it is; an empty nickname means none at all."""
        server.on("POST", "/-/api/devices/place", DEVICE)

        done = admin("devices", "place", "lamp-1", "--agent-user", "u", "--project", "acme", *given)

        assert done.code == 0
        assert server.seen[0].json == {
            "project": "acme",
            "agent_user": "u",
            "device": "lamp-1",
            **sent,
        }

    def test_place_nothing_is_wrong_usage(self, admin, server):
        """A call that would change nothing is a mistake."""
        done = admin("devices", "place", "lamp-1", "--agent-user", "u", "--project", "acme")

        assert (done.code, server.seen) == (2, [])


class TestRuns:
    def test_list(self, admin, server):
        """Filters and limit are the server's business."""
        first_sync = RUN | {"agent_user_id": "", "user_id": "anna", "reason": "REPLY_UNUSABLE"}
        server.on("GET", "/-/api/runs", {"runs": [RUN, first_sync]})

        done = admin("runs", "list", "--project", "acme", "--limit", "5", "--before", "r9")

        assert server.seen[0].query == {"project": "acme", "limit": "5", "before": "r9"}
        assert "+1 ~1 -0" in done.out
        assert "(anna)" in done.out

    @pytest.mark.parametrize("listed", ["runs", "errands"])
    def test_an_agent_user_is_one_of_a_project(self, admin, server, listed):
        """Of the only one, or of the one that is named; otherwise runs of everybody would be taken for theirs."""
        command = ("runs", {"runs": "list"}.get(listed, listed), "--agent-user", "user-1")
        server.on("GET", "/-/api/projects", {"projects": [PROJECT]})
        server.on("GET", f"/-/api/{listed}", {listed: []})

        assert admin(*command).code == admin(*command, "--project", "other").code == 0
        asked = [one.query for one in server.seen if one.path == f"/-/api/{listed}"]
        assert [one["project"] for one in asked] == ["acme", "other"]
        assert {one["agent_user"] for one in asked} == {"user-1"}

    def test_show_is_a_time_line(self, admin, server):
        """What was asked, sent, answered and changed, in order, with arrows for the directions."""
        exchange = {
            "intent": "action.devices.SYNC",
            "user_id": "anna",
            "url": "http://127.0.0.1:3000/smarthome",
            "started_at": "2026-11-22T10:42:07.010Z",
            "took": 0.0412,
            "request": {"headers": {}, "body": "{}"},
            "status": 200,
            "response": {"headers": {}, "body": "{", "size": 12345, "truncated": True},
            "error": "",
        }
        changes = {
            "added": ["lamp-2"],
            "changed": [{"device_id": "lamp-1", "fields": ["name", "traits"]}],
            "removed": [],
        }
        server.on("GET", "/-/api/run", RUN | {"exchanges": [exchange], "changes": changes})

        done = admin("runs", "show", "0633f2a9c4")

        assert server.seen[0].query == {"id": "0633f2a9c4"}
        assert done.out == (
            "run 0633f2a9c4   acme / user-1   2026-11-22 10:42:06\n"
            "10:42:06  asked  request, async, 3 requests merged\n"
            "10:42:07  --> SYNC   anna   http://127.0.0.1:3000/smarthome\n"
            "          <-- 200    12,345 bytes, 41 ms, kept in part\n"
            "10:42:07  done   +1 added (lamp-2)  ~1 changed  -0 removed\n"
            "          ~ lamp-1: name, traits\n"
        )

    def test_show_has_the_answer_that_was_no_good(self, admin, server):
        """With what tells a page from an answer, line by line, and no more than fits on a screen."""
        page = "<html>\n\n<h1>Sign in</h1>\n" + "<br>\n" * 20
        refused = {
            "intent": "action.devices.SYNC",
            "user_id": "anna",
            "url": "http://127.0.0.1:3000/smarthome",
            "status": 302,
            "response": {
                "headers": {"location": "/login", "content-type": "text/html", "server": "x"},
                "body": page,
                "size": len(page),
                "truncated": False,
            },
        }
        good = refused | {"status": 200, "response": {"body": '{"a": "\\u001b"}', "size": 9}}
        server.on("GET", "/-/api/run", RUN | {"exchanges": [refused, good]})

        out = admin("runs", "show", "0633f2a9c4").out

        assert (
            "              content-type: text/html\n"
            "              location: /login\n"
            "              <html>\n"
            "              <h1>Sign in</h1>\n"
            "              <br>\n"
        ) in out
        assert out.count("<br>") == 13
        assert "<br>\n              …\n" in out
        assert '{"a"' not in out

        server.on("GET", "/-/api/run", RUN | {"exchanges": [good], "reason": "REPLY_UNUSABLE"})
        assert '{"a": "\\u001b"}' in admin("runs", "show", "0633f2a9c4").out

    def test_show_tells_what_went_wrong(self, admin, server):
        """A failed run has its reason in words, the next attempt, each link's error and each finding."""
        failed = RUN | {
            "outcome": "retrying",
            "attempt": 2,
            "reason": "FULFILLMENT_TIMEOUT",
            "message": "No answer.",
            "next_at": "2026-11-22T10:42:09.000Z",
            "explanation": {"title": "Too slow.", "why": "It took long.", "fix": "Be fast."},
            "results": [
                {"user_id": "anna", "error": "", "message": ""},
                {"user_id": "ben", "error": "FULFILLMENT_TIMEOUT", "message": "No answer."},
            ],
            "findings": [
                {
                    "rule": "type-unknown",
                    "severity": "refused",
                    "device_id": "lamp-1",
                    "path": "/payload/devices/0/type",
                    "what": "No such type.",
                    "why": "Case matters.",
                    "fix": "Write LIGHT.",
                    "source": "",
                }
            ],
            "exchanges": [{"intent": "action.devices.SYNC", "took": 30.0, "error": "timed out"}],
            "removed": 7,
            "changes": {"removed": list("abcdefg")},
        }
        server.on("GET", "/-/api/run", failed)

        out = admin("runs", "show", "0633f2a9c4").out

        for text in (
            "attempt 2",
            "<-- no answer after 30000 ms   timed out",
            "-7 removed (a, b, c, d, e, and 2 more)",
            "FULFILLMENT_TIMEOUT: No answer.",
            "why: Too slow. It took long.",
            "fix: Be fast.",
            "next attempt 2026-11-22 10:42:09",
            "link of ben: FULFILLMENT_TIMEOUT: No answer.",
            "refused type-unknown lamp-1 /payload/devices/0/type: No such type.",
            "Case matters. Write LIGHT.",
        ):
            assert text in out
        assert "anna" not in out


class TestStatus:
    def test_ready(self, admin, server):
        """Exit code 0, what there is on stdout, warnings on stderr."""
        server.on("GET", "/-/api/status", STATUS)

        done = admin("status")

        assert done.code == 0
        assert "0.1.0, ready" in done.out
        assert "1 h 2 min" in done.out
        assert "2 with 5 devices" in done.out
        assert done.err == "warning: it holds secrets\n"

    def test_not_ready(self, admin, server):
        """Exit code 1, and the check that fails is named."""
        failing = {"name": "database", "ok": False, "detail": "disk full"}
        server.on("GET", "/-/api/status", STATUS | {"ready": False, "checks": [failing]})

        done = admin("status")

        assert done.code == 1
        assert "FAILED  database: disk full" in done.out

    def test_settings_have_their_source(self, admin, server):
        """--settings shows each value and where it came from."""
        server.on("GET", "/-/api/status", STATUS)

        assert admin("status", "--settings").out == (
            "SETTING  VALUE           FROM\n"
            "listen   127.0.0.1:4663  default\n"
            "explain  true            homegraph.toml:3\n"
        )

    def test_wait_looks_again_until_the_server_is_ready(self, admin, server):
        """--wait outlasts a server that is still starting."""
        server.on("GET", "/readyz", Answer(b"", 503), Answer(b"", 503), Answer(b"ok"))
        server.on("GET", "/-/api/status", STATUS)

        assert admin("status", "--wait", "--timeout", "20s").code == 0
        assert [seen.path for seen in server.seen] == ["/readyz"] * 3 + ["/-/api/status"]

    def test_wait_times_out(self, run, server):
        """A server that does not get ready is exit code 7, with what it said last."""
        server.on("GET", "/readyz", Answer(b"", 503))

        done = run("status", "--wait", "--timeout", "300ms", "--server", server.url)

        assert done.code == 7
        assert "0.3 s" in done.err
        assert "503" in done.err

    def test_wait_needs_no_token(self, run, server):
        """A health check that cannot read the token still learns that the server is ready."""
        server.on("GET", "/readyz", Answer(b"ok"))

        assert run("status", "--wait", "--server", server.url).out == "ready\n"
        assert run("status", "--wait", "--server", server.url, "--json").json == {"ready": True}


class TestDoctor:
    @pytest.fixture
    def healthy(self, server, monkeypatch, tmp_path):
        """A server that is well, with a private token."""
        token = tmp_path / "admin-token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        monkeypatch.setenv("HOMEGRAPH_SERVER", server.url)
        monkeypatch.setenv("HOMEGRAPH_DATA_DIR", str(tmp_path))
        server.on("GET", "/readyz", Answer(b"ok"))
        checks = [{"name": "database", "ok": True, "detail": "sqlite:home.db", "fix": ""}]
        server.on("GET", "/-/api/doctor", {"checks": checks})
        return token

    def test_all_is_well(self, run, healthy):
        """Exit code 0 and one line per check, ours and the server's."""
        done = run("doctor")

        assert done.code == 0, done.out
        assert [line.split(":")[0] for line in done.out.splitlines()] == [
            *("ok    server", "ok    admin token", "ok    clock skew", "ok    database"),
        ]
        assert TOKEN not in done.out

    def test_a_variable_that_nothing_reads(self, run, healthy, monkeypatch):
        """A misspelt one goes unnoticed by the other commands: they ask another server than is meant."""
        monkeypatch.setenv("HOMEGRAPH_SERVR", "http://127.0.0.1:9")
        monkeypatch.setenv("HOMEGRAPH_QQQQ", "")

        done = run("doctor")

        assert done.code == 1
        assert done.out.splitlines()[0] == (
            "FAIL  variables: HOMEGRAPH_SERVR: unknown variable; did you mean HOMEGRAPH_SERVER?"
        )
        assert "fix: Correct its name, or unset it." in done.out

    def test_advice(self, run, healthy, server):
        """What works and could be better is said, and is no failure."""
        checks = [{"name": "python", "ok": True, "detail": "slow", "fix": "Use another one."}]
        server.on("GET", "/-/api/doctor", {"checks": checks})

        done = run("doctor")

        assert done.code == 0
        assert done.out.splitlines()[-2:] == [
            "ok    python: slow",
            "      advice: Use another one.",
        ]

    def test_token_that_others_can_read(self, run, healthy):
        """A token with open permissions fails, and the fix can be pasted."""
        healthy.chmod(0o644)

        done = run("doctor")

        assert done.code == 1
        assert "mode 0644" in done.out
        assert f"fix: chmod 600 {healthy}" in done.out

    def test_failure_of_the_servers_own_checks(self, run, healthy, server):
        """What the server finds counts as much as what the command finds."""
        check = {"name": "fulfillment", "ok": False, "detail": "refused", "fix": "Start it."}
        server.on("GET", "/-/api/doctor", {"checks": [check]})

        done = run("doctor", "--json")

        assert done.code == 1
        assert done.json["checks"][-1] == check

    def test_somebody_else_answers(self, run, healthy, server):
        """A proxy that finds no server behind it, or another program: no checks of a server are promised."""
        server.on("GET", "/readyz", Answer(b"<html>502 Bad Gateway</html>", 502))

        done = run("doctor")

        assert done.code == 1
        assert f"FAIL  server: {server.url} answers 502, and not as a Home Graph does\n" in done.out

    def test_the_server_has_time_to_say_that_its_database_hangs(self):
        """Its probe waits for the database; whoever asks waits longer."""
        assert doctor.LOOK_SECONDS > DATABASE_SECONDS_MAX

    def test_clock_that_is_off(self, run, healthy, server):
        """A Date of another century fails the clock."""
        server.on(
            "GET", "/readyz", Answer(b"ok", headers={"date": "Thu, 01 Jan 1970 00:00:00 GMT"})
        )

        done = run("doctor")

        assert done.code == 1
        assert "FAIL  clock skew" in done.out

    @pytest.mark.parametrize(
        ("now", "told"), [(101.9, "0 s"), (99.0, "1 s"), (105.0, "3 s"), (94.0, "6 s")]
    )
    def test_a_date_is_as_exact_as_it_can_be(self, now, told):
        """A clock is not called wrong for the whole seconds of Date."""
        looked = skew("Thu, 01 Jan 1970 00:01:40 GMT", now)

        assert looked.detail == f"{told} apart from the server's"
        assert looked.ok is (told != "6 s")

    def test_server_that_is_not_ready(self, run, healthy, server, monkeypatch):
        """It is a failure of its own, and the other checks go on; a token from a variable needs no file."""
        monkeypatch.setenv("HOMEGRAPH_ADMIN_TOKEN", TOKEN)
        server.on("GET", "/readyz", Answer(b"not ready", 503))

        done = run("doctor")

        assert done.code == 1
        assert "FAIL  server" in done.out
        assert "ok    admin token: from HOMEGRAPH_ADMIN_TOKEN" in done.out
        assert "ok    database" in done.out

    def test_nothing_is_there(self, run):
        """Without server and token there is no error but two findings with their fixes."""
        done = run("doctor", "--json", "--server", "http://127.0.0.1:9")

        assert (done.code, done.err) == (1, "")
        assert [(one["name"], one["ok"]) for one in done.json["checks"]] == [
            ("server", False),
            ("admin token", False),
        ]
        assert all(one["fix"] for one in done.json["checks"])

    def test_admin_api_refuses(self, run, healthy, server):
        """A wrong token is a finding."""
        error = {"error": {"code": 401, "message": "Wrong token.", "hint": "Take the right one."}}
        server.on("GET", "/-/api/doctor", Answer(error, 401))

        done = run("doctor")

        assert done.code == 1
        assert "FAIL  admin API: Wrong token." in done.out
