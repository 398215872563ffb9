"""The boundary of the command line: errors become sentences and exit codes, and nothing secret gets out."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from homegraph import __version__, errors
from homegraph.cli import failure
from homegraph.cli.status import NotReadyInTime
from homegraph.wire.status import REASONS, parse_error, render
from support.http_stub import Answer, closed_port


class Foreign(Exception):
    """An error that is not of the family."""


def api_error(reason: str) -> errors.ApiError:
    """A reason as it comes back from a server that gives Google's bytes alone."""
    answer = render(reason)
    return parse_error(answer.http, answer.body)


EXIT_CODES = [
    (errors.SettingsError("x"), 2),
    (errors.ServerUnreachable("x"), 3),
    (errors.AdminRefused("x"), 4),
    (errors.NotFound("x"), 5),
    (errors.DatabaseInUse(), 6),
    (NotReadyInTime("x"), 7),
    (errors.SchemaTooNew(), 1),
    (Foreign("secret"), 70),
    (errors.HomegraphError("x"), 70),
    (api_error("FIELD_REQUIRED"), 2),
    (api_error("AGENT_USER_NEVER_LINKED"), 5),
    (api_error("SYNC_IN_FLIGHT"), 6),
    (api_error("TOKEN_REFUSED"), 4),
    (api_error("SYNC_DEADLINE"), 7),
    (api_error("SERVER_STOPPING"), 3),
]


class TestExplain:
    @pytest.mark.parametrize(("error", "code"), EXIT_CODES, ids=lambda value: repr(value)[:60])
    def test_exit_codes(self, error, code):
        """Every kind of error ends a command with the exit code that the reference promises."""
        assert failure.explain(error).exit == code

    def test_known_reasons_keep_their_own_exit_code(self):
        """A reason with an exit code of its own has it, whatever its row says."""
        for reason in REASONS.values():
            told = failure.explain(
                errors.ApiError("x", http_status=400, status="X", reason=reason.code)
            )
            assert told.exit == reason.exit or reason.exit is None

    @pytest.mark.parametrize("own", [True, False])
    def test_what_an_error_says_itself_is_not_said_again(self, own):
        """The admin API often answers with a reason's title; another sentence has the title beside it."""
        reason = REASONS["LINKING_USED"]
        told = reason.title if own else "Something else."
        error = errors.ApiError(told, http_status=400, status="X", reason=reason.code)

        assert failure.explain(error).why == (reason.why if own else f"{reason.title} {reason.why}")

    def test_foreign_error_says_nothing_of_itself(self):
        """An unexpected error is one sentence with a request to report it; its own text may hold anything."""
        told = "\n".join(failure.lines(failure.explain(Foreign("secret"))))

        assert "report" in told
        assert "Foreign" in told
        assert "secret" not in told

    def test_message_of_several_lines_stays_readable(self):
        """Settings name all mistakes at once; each keeps its line."""
        told = failure.lines(failure.explain(errors.SettingsError("one\ntwo", hint="fix it")))

        assert told[:2] == ["error: one", "       two"]
        assert told[-1] == "fix:   fix it"


class TestRun:
    def test_json_error_is_one_line(self, run):
        """With --json even wrong usage is a JSON object on one line."""
        done = run("keys", "create", "--nonsense", "--json")

        assert done.code == 2
        assert done.out == ""
        assert len(done.err.splitlines()) == 1
        assert done.error["code"] == "USAGE"
        assert "--nonsense" in done.error["message"]

    @pytest.mark.parametrize(
        ("arguments", "word"),
        [
            (["kes", "list"], "'keys'"),
            (["keys"], "Missing command"),
            (["devices", "list"], "--agent-user"),
            (["runs", "list", "--limit", "0"], "--limit"),
            (["status", "--timeout", "soon"], "soon"),
            (["keys", "create", "--expires", "later"], "later"),
            (["projects", "show", "\udcff"], "encoding"),
        ],
    )
    def test_wrong_usage(self, run, arguments, word):
        """Wrong usage is exit code 2, says what is wrong, and names the help."""
        done = run(*arguments)

        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: ")
        assert word in done.err
        assert "--help" in done.err

    def test_without_arguments_is_the_help(self, run):
        """The bare command shows what there is."""
        done = run()

        assert done.code == 0
        assert "request-sync" in done.out

    def test_help_begins_with_examples(self, run):
        """-h shows two examples before the options."""
        done = run("keys", "create", "-h")

        assert done.code == 0
        assert done.out.index("homegraph keys create --project acme") < done.out.index("Options:")

    def test_a_bug_is_exit_code_70_and_a_report(self, run, monkeypatch):
        """An error that nobody foresaw ends in one sentence, without a traceback."""
        monkeypatch.setattr("homegraph.cli.projects.connect", _broken)

        done = run("projects", "list")

        assert done.code == 70
        assert "Traceback" not in done.err
        assert "report" in done.err

    def test_debug_shows_where_a_bug_happened(self, run, monkeypatch):
        """HOMEGRAPH_DEBUG=1 prints the traceback before the sentence."""
        monkeypatch.setattr("homegraph.cli.projects.connect", _broken)
        monkeypatch.setenv("HOMEGRAPH_DEBUG", "1")

        done = run("projects", "list", "--json")

        assert "Traceback" in done.err
        assert done.error["exit"] == 70

    def test_unreachable_server(self, run, monkeypatch):
        """A server that does not answer is exit code 3 with its address."""
        monkeypatch.setenv("HOMEGRAPH_ADMIN_TOKEN", "t")
        url = closed_port()

        done = run("projects", "list", "--server", url)

        assert done.code == 3
        assert url in done.err

    def test_reader_who_leaves_is_no_error(self, server, start, monkeypatch):
        """``homegraph … | head -1`` ends quietly, whatever is left to say."""
        monkeypatch.setenv("HOMEGRAPH_SERVER", server.url)
        monkeypatch.setenv("HOMEGRAPH_ADMIN_TOKEN", "t")
        run = {"id": "r", "changes": {"changed": [{"device_id": "d" * 1000, "fields": []}] * 1000}}
        server.on("GET", "/-/api/run", run)

        command = start("runs", "show", "r")
        assert command.stdout.readline().startswith("run r")
        command.stdout.close()

        assert command.wait(20) == 0
        assert command.stderr.read() == ""


class TestAdminRefusals:
    @pytest.mark.parametrize(
        ("http", "reason", "code"),
        [
            (400, "SETTINGS", 2),
            (401, "NOT_ALLOWED", 4),
            (403, "NOT_ALLOWED", 4),
            (404, "NOT_FOUND", 5),
            (429, "", 6),
            (503, "STORE_UNAVAILABLE", 1),
            (500, "INTERNAL", 70),
        ],
    )
    def test_exit_codes(self, admin, server, http, reason, code):
        """What the admin API refuses ends the command by the same table, in the server's words."""
        error = {"code": http, "message": "No.", "status": "", "hint": "Do.", "reason": reason}
        server.on("GET", "/-/api/projects", Answer({"error": error}, http))

        done = admin("projects", "list", "--json")

        assert (done.code, done.out) == (code, "")
        assert done.error["message"].startswith("No.")

    def test_a_refusal_is_not_laid_to_the_token(self, admin, server):
        """Whoever accepts a run that is not held has shown his token: it is not what is wrong."""
        error = {
            "code": 403,
            "message": "Run r is not held, it is done.",
            "status": "PERMISSION_DENIED",
            "hint": "`homegraph runs list` shows which runs are held.",
            "reason": "NOT_ALLOWED",
        }
        server.on("POST", "/-/api/runs/accept", Answer({"error": error}, 403))

        done = admin("runs", "accept", "r")

        assert (done.code, "Run r is not held" in done.err) == (4, True)
        assert "What is asked for cannot be done as things are" in done.err

    @pytest.mark.parametrize(("http", "body"), [(404, b"<html>"), (502, b""), (200, b"<html>")])
    def test_something_else_answers(self, admin, server, http, body):
        """A server that is none of ours is called that."""
        server.on("GET", "/-/api/projects", Answer(body, http))

        done = admin("projects", "list")

        assert done.code in (1, 3, 5)
        assert "--server" in done.err


class TestServeFlags:
    @pytest.mark.parametrize(
        ("flag", "value"),
        [
            ("--listen", "nonsense"),
            ("--db", "mysql://x"),
            ("--log-format", "xml"),
            ("--log-level", "loud"),
        ],
    )
    def test_each_reaches_its_setting(self, run, flag, value):
        """A wrong value comes back from the server's settings with the name of the flag."""
        done = run("serve", flag, value)

        assert (done.code, done.out) == (2, "")
        assert flag in done.err

    def test_file_is_the_one_that_is_named(self, run, tmp_path):
        """--config names the file whose mistakes are told."""
        (tmp_path / "home.toml").write_text("[server]\nlisten = 7\n")

        done = run("serve", "--config", "home.toml")

        assert done.code == 2
        assert "home.toml:2" in done.err

    def test_data_folder_of_the_flag_is_used(self, run, tmp_path):
        """--data-dir names the folder, here one that cannot be made."""
        (tmp_path / "file").write_text("")

        done = run("serve", "--data-dir", "file/data", "--listen", "127.0.0.1:0")

        assert done.code != 0
        assert "file/data" in done.err


class TestStart:
    def test_version_needs_next_to_nothing(self):
        """--version is answered without Typer, rich, msgspec and the client; that is what keeps it fast."""
        script = (
            "import sys; sys.argv = ['homegraph', '--version']\n"
            "from homegraph.cli import main\nmain()\nimport json\nprint(json.dumps(sorted(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        version, modules = done.stdout.decode().splitlines()

        assert version == f"homegraph {__version__}"
        assert not {"typer", "rich", "msgspec", "pyreqwest", "asyncio"} & set(json.loads(modules))

    def test_python_dash_m(self):
        """``python -m homegraph`` is the same command."""
        done = subprocess.run(
            [sys.executable, "-m", "homegraph", "-V"], capture_output=True, check=True
        )

        assert done.stdout.decode() == f"homegraph {__version__}\n"

    def test_a_command_loads_only_what_it_needs(self):
        """Calling one command imports neither the others, nor a server, nor an event loop."""
        script = (
            "from homegraph.cli.app import run\nrun(['projects', 'list', '-h'])\n"
            "import sys, json; print(json.dumps(sorted(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
        loaded = json.loads(done.stdout.splitlines()[-1])

        assert "homegraph.cli.projects" in loaded
        strangers = {"homegraph.cli.keys", "homegraph.server", "apsw", "uvicorn", "asyncio"}
        assert not strangers & set(loaded)

    def test_a_server_whose_lines_are_for_machines_loads_nothing_for_people(self):
        """Rich comes along with structlog: whoever starts a server without a terminal need not wait for either."""
        script = (
            "import homegraph.cli.serve, homegraph.server\nfrom homegraph.service.lines import logger\n"
            "logger('auto', 'info').warning('it.happened')\n"
            "import sys, json; print(json.dumps(sorted(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

        assert json.loads(done.stderr)["event"] == "it.happened"
        assert not {"structlog", "rich", "pygments"} & set(json.loads(done.stdout))


def _broken(*_arguments):
    raise Foreign("secret")
