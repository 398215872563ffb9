"""``homegraph request-sync``: the 2018 sample's contract, and what it could not do."""

from __future__ import annotations

import json
import signal
import threading

import pytest

from homegraph.wire.status import Explanation, render
from support.http_stub import Answer, closed_port

KEY = "AIzaSyA-secret_secret_secret_secret_123"
PATH = "/v1/devices:requestSync"
SUCCESS = "Request Sync has been done successfully."
FAILURE = "Request Sync failed. Please check the log above."

EXPLAINED = render(
    "AGENT_USER_NEVER_LINKED",
    explain=Explanation(
        ("AGENT_USER_OF_OTHER_PROJECT", "AGENT_USER_NEVER_LINKED"), "http://127.0.0.1/errors/"
    ),
)
"""A 404 as our server sends it."""

GOOGLES = render("AGENT_USER_NEVER_LINKED")
"""The same as Google sends it."""


@pytest.fixture
def request_sync(run, server, monkeypatch):
    """Run the command against the server, with the key out of sight."""
    monkeypatch.setenv("HOMEGRAPH_API_KEY", KEY)
    monkeypatch.setenv("HOMEGRAPH_BASE_URL", server.url)

    def call(*arguments):
        return run("request-sync", *arguments)

    return call


class TestSentences:
    def test_success(self, request_sync, server):
        """Stdout has the body and the sample's sentence, and nothing else; the exit code is 0."""
        server.on("POST", PATH, Answer(b"{}\n"))

        done = request_sync("-", "user-1")

        assert (done.code, done.out, done.err) == (0, f"Response: {{}}\n{SUCCESS}\n", "")
        assert server.seen[0].json == {"agentUserId": "user-1"}

    def test_failure(self, request_sync, server):
        """Stdout has the whole body as it came and the other sentence; the exit code is 1."""
        server.on("POST", PATH, Answer(GOOGLES.body, 404))

        done = request_sync("-", "user-1")

        assert (done.code, done.out) == (1, f"Response: {GOOGLES.body.decode()}{FAILURE}\n")

    def test_no_answer(self, run, monkeypatch):
        """Without an answer the sentence is said as well, and the exit code is 1, not that of the cause."""
        monkeypatch.setenv("HOMEGRAPH_API_KEY", KEY)

        done = run("request-sync", "-", "user-1", "--base-url", closed_port())

        assert (done.code, done.out) == (1, f"Response: (no answer)\n{FAILURE}\n")
        assert "refused" in done.err

    def test_async(self, request_sync, server):
        """--async asks the Home Graph to queue the sync."""
        server.on("POST", PATH, {})

        assert request_sync("-", "user-1", "--async").code == 0
        assert server.seen[0].json == {"agentUserId": "user-1", "async": True}

    def test_control_characters_of_a_body_are_shown_not_obeyed(self, request_sync, server):
        """Whatever answers cannot repaint the terminal."""
        server.on("POST", PATH, Answer(b"\x1b[2J{\n}", 500))

        assert request_sync("-", "user-1").out == f"Response: \\x1b[2J{{\n}}\n{FAILURE}\n"


class TestAddress:
    def test_the_server_that_is_here(self, run, server, monkeypatch, tmp_path):
        """Without a base URL the command calls the server that the other commands talk to."""
        monkeypatch.setenv("HOMEGRAPH_API_KEY", KEY)
        listen = server.url.removeprefix("http://")
        (tmp_path / "homegraph.toml").write_text(f'[server]\nlisten = "{listen}"\n')
        server.on("POST", PATH, {})

        assert run("request-sync", "-", "by file").code == 0
        monkeypatch.setenv("HOMEGRAPH_SERVER", closed_port())
        assert run("request-sync", "-", "nobody").code == 1
        monkeypatch.setenv("HOMEGRAPH_EMULATOR_HOST", listen)
        assert run("request-sync", "-", "by variable").code == 0

        assert [seen.json["agentUserId"] for seen in server.seen] == ["by file", "by variable"]


class TestExplanation:
    def test_reasons_are_ranked(self, request_sync, server):
        """What, why and what to do of the likeliest reason, then the others, then the pages about them."""
        server.on("POST", PATH, Answer(EXPLAINED.body, 404))

        lines = request_sync("-", "user-1").err.splitlines()

        assert lines[0] == "error: Requested entity was not found. (404 NOT_FOUND)"
        assert lines[1].startswith("why:   ")
        assert "another project" in lines[1]
        assert lines[2].startswith("fix:   ")
        assert lines[3].startswith("or:    ")
        assert "(AGENT_USER_NEVER_LINKED)" in lines[3]
        assert lines[-2:] == [
            "see:   http://127.0.0.1/errors/AGENT_USER_OF_OTHER_PROJECT",
            "see:   http://127.0.0.1/errors/AGENT_USER_NEVER_LINKED",
        ]

    def test_google_gives_no_reason_so_candidates_are_named(self, request_sync, server):
        """Where an answer is Google's sentence alone, what it may mean is named as a guess."""
        server.on("POST", PATH, Answer(GOOGLES.body, 404))

        lines = request_sync("-", "user-1").err.splitlines()

        assert lines[1].startswith("why:   The answer does not say. Most likely: ")
        assert any("AGENT_USER" in line for line in lines[3:])


class TestJson:
    def test_success_is_one_document(self, request_sync, server):
        """Stdout has one JSON document instead of the sentences."""
        server.on("POST", PATH, Answer(b"{}\n"))

        done = request_sync("-", "user-1", "--json")

        assert done.code == 0
        assert done.json == {"done": True, "http_status": 200, "response": "{}\n"}

    def test_failure_is_an_object_on_the_last_line_of_stderr(self, request_sync, server):
        """The error has the same facts as the text, and the exit code that the command really has."""
        server.on("POST", PATH, Answer(EXPLAINED.body, 404))

        done = request_sync(KEY, "user-1", "--json")

        assert done.code == done.error["exit"] == 1
        assert done.json["done"] is False
        assert json.loads(done.json["response"])["error"]["status"] == "NOT_FOUND"
        assert done.error["code"] == "AGENT_USER_OF_OTHER_PROJECT"
        assert done.error["http_status"] == 404
        assert [one["code"] for one in done.error["other_reasons"]] == ["AGENT_USER_NEVER_LINKED"]
        assert len(done.error["links"]) == 2


class TestKey:
    def test_warning_when_it_stands_on_the_command_line(self, request_sync, server):
        """A key among the arguments works, with a warning that does not repeat it."""
        server.on("POST", PATH, {})

        done = request_sync(KEY, "user-1")

        assert done.code == 0
        assert "warning" in done.err
        assert KEY not in done.err + done.out
        assert server.seen[0].headers["x-goog-api-key"] == KEY

    def test_from_a_file(self, run, server, monkeypatch, tmp_path):
        """HOMEGRAPH_API_KEY_FILE names a file with the key, as containers hand secrets over."""
        (tmp_path / "key").write_text(f"{KEY}\n")
        monkeypatch.setenv("HOMEGRAPH_API_KEY_FILE", str(tmp_path / "key"))
        server.on("POST", PATH, {})

        assert run("request-sync", "-", "user-1", "--base-url", server.url).code == 0
        assert server.seen[0].headers["x-goog-api-key"] == KEY

    def test_from_stdin(self, process, server):
        """Without a variable the key is the first line of stdin."""
        server.on("POST", PATH, {})

        done = process("request-sync", "-", "user-1", "--base-url", server.url, stdin=f"{KEY}\n")

        assert done.code == 0, done.err
        assert server.seen[0].headers["x-goog-api-key"] == KEY

    def test_nowhere(self, process, server):
        """No key at all is wrong usage, and nothing is sent."""
        done = process("request-sync", "-", "user-1", "--base-url", server.url)

        assert done.code == 2
        assert "HOMEGRAPH_API_KEY" in done.err
        assert not server.seen

    @pytest.mark.parametrize("variable", ["HOMEGRAPH_API_KEY", "HOMEGRAPH_API_KEY_FILE"])
    def test_the_agent_user_alone(self, run, server, monkeypatch, tmp_path, variable):
        """Where a variable has the key, it need not be said where it is."""
        (tmp_path / "key").write_text(KEY)
        monkeypatch.setenv(variable, KEY if variable.endswith("KEY") else str(tmp_path / "key"))
        server.on("POST", PATH, {})

        done = run("request-sync", "user-1", "--base-url", server.url)

        assert (done.code, done.err) == (0, "")
        assert server.seen[0].json == {"agentUserId": "user-1"}
        assert server.seen[0].headers["x-goog-api-key"] == KEY

    @pytest.mark.parametrize(
        ("variable", "words"),
        [("", ["user-1"]), (KEY, []), (KEY, ["-"]), (KEY, ["AIzaOther"]), ("own", ["own"])],
    )
    def test_no_agent_user(self, run, server, monkeypatch, variable, words):
        """A key alone, however it is given, is wrong usage; it is not repeated, and nothing is sent."""
        monkeypatch.setenv("HOMEGRAPH_API_KEY", variable)

        done = run("request-sync", *words, "--base-url", server.url)

        assert (done.code, done.out) == (2, "")
        assert "AGENT_USER_ID" in done.err
        assert "HOMEGRAPH_API_KEY has the key" in done.err
        assert not [word for word in words if f"{word}\n" in done.err or f"'{word}'" in done.err]
        assert not server.seen

    def test_file_that_is_not_there(self, run, server, monkeypatch):
        """A wrong file is named, with its variable."""
        monkeypatch.setenv("HOMEGRAPH_API_KEY_FILE", "/nowhere/key")

        done = run("request-sync", "-", "user-1", "--base-url", server.url)

        assert done.code == 2
        assert "HOMEGRAPH_API_KEY_FILE" in done.err
        assert "/nowhere/key" in done.err

    def test_wrong_address_does_not_tell_a_pasted_key(self, run):
        """An address pasted with its key is refused without repeating it."""
        done = run("request-sync", KEY, "user-1", "--base-url", f"http://h/?key={KEY}")

        assert done.code == 2
        assert "--base-url" in done.err
        assert KEY not in done.err


def test_ctrl_c_ends_a_waiting_call_at_once(start, server):
    """An interrupted call does not sit until its deadline of 70 s; the exit code is the shells' 130."""
    arrived = threading.Event()

    class Arrival(threading.Event):
        def wait(self, timeout=None):
            arrived.set()
            return super().wait(timeout)

    server.on("POST", PATH, Answer(release=Arrival()))
    command = start("request-sync", KEY, "user-1", "--base-url", server.url)
    assert arrived.wait(20)

    command.send_signal(signal.SIGINT)

    assert command.wait(10) == 130
