"""What the commands show of errands: of an EXECUTE, of a live QUERY, and of either later on."""

from __future__ import annotations

import pytest

from support.http_stub import Answer

RESULT = {
    "id": "lamp",
    "status": "SUCCESS",
    "ok": True,
    "error_code": "",
    "exception_code": "",
    "debug": "",
    "challenge": "",
    "reason": "",
    "message": "",
    "states": {"online": True, "on": True},
    "stored": {},
    "differs": [],
}
UNREACHED = {
    **RESULT,
    "id": "desk",
    "status": "",
    "ok": False,
    "reason": "FULFILLMENT_FAILED",
    "message": "The fulfillment answered HTTP 500.",
    "states": {},
}
FINDING = {
    "rule": "query-disagrees",
    "severity": "advice",
    "what": "on is True here.",
    "why": "Why.",
    "fix": "Fix.",
    "device_id": "lamp",
    "path": "/payload/devices/lamp/on",
    "source": "s",
}
FOLLOW_UP = {
    "token": "t",
    "device_id": "lamp",
    "sent_at": "2026-11-22T10:42:06.000Z",
    "answered_at": "2026-11-22T10:52:06.000Z",
    "late": True,
    "trait": "LockUnlock",
    "status": "FAILURE",
    "response": {"status": "FAILURE", "errorCode": "jammed"},
}
ERRAND = {
    "id": "0633f2a9c4",
    "intent": "EXECUTE",
    "project_id": "acme",
    "agent_user_id": "user-1",
    "user": "anna",
    "command": "action.devices.commands.OnOff",
    "ok": True,
    "reason": "",
    "started_at": "2026-11-22T10:42:06.000Z",
    "finished_at": "2026-11-22T10:42:07.000Z",
    "device_ids": ["lamp"],
    "params": {"on": True},
    "devices": [RESULT],
    "findings": [],
    "follow_ups": [],
    "explanation": None,
}
EXCHANGE = {
    "intent": "EXECUTE",
    "user_id": "anna",
    "url": "http://127.0.0.1:3000/smarthome",
    "started_at": "2026-11-22T10:42:06.000Z",
    "took": 0.0412,
    "status": 200,
    "response": {"size": 116, "truncated": False},
    "error": "",
}
FAILED = {
    **ERRAND,
    "ok": False,
    "reason": "FULFILLMENT_FAILED",
    "devices": [RESULT, UNREACHED],
    "explanation": {"title": "It failed.", "why": "Because.", "fix": "Mend it."},
}


NO = {"code": 404, "message": "no", "status": "NOT_FOUND", "hint": "h", "reason": "NOT_FOUND"}


def execute(admin, *words):
    """Run the command."""
    return admin(
        "execute", "lamp", "on=true", "--agent-user", "user-1", "--project", "acme", *words
    )


def live(admin, *words):
    """Ask live."""
    return admin("query", "user-1", "lamp", "--live", "--project", "acme", *words)


class TestExecute:
    def test_an_exception_stands_before_the_states(self, admin, server):
        """The command worked, so what came of it is told as well; of an error nothing but the error."""
        noted = {**RESULT, "exception_code": "lowBattery"}
        failed = {**RESULT, "id": "desk", "ok": False, "status": "ERROR", "error_code": "jammed"}
        server.on("POST", "/-/api/execute", {**ERRAND, "devices": [noted, failed]})
        server.on("GET", "/-/api/errand", {**ERRAND, "exchanges": []})

        lines = execute(admin).out.splitlines()

        assert lines[1].split(maxsplit=2) == ["lamp", "SUCCESS", "lowBattery; online=true, on=true"]
        assert lines[2].split(maxsplit=2) == ["desk", "ERROR", "jammed"]

    def test_results_are_a_table(self, admin, server):
        """And beside it, on stderr, where all of it is kept."""
        server.on("POST", "/-/api/execute", ERRAND)
        server.on("GET", "/-/api/errand", {**ERRAND, "exchanges": []})

        done = execute(admin)

        assert done.code == 0
        assert done.out == "DEVICE  STATUS   DETAIL\nlamp    SUCCESS  online=true, on=true\n"
        assert done.err == "`homegraph runs show 0633f2a9c4` has what was sent and what came.\n"

    def test_a_part_that_failed_is_told_beside_the_other(self, admin, server):
        """The device that did it has its states, the other the error; the exit code is that of a failure."""
        server.on("POST", "/-/api/execute", FAILED)
        server.on("GET", "/-/api/errand", {**FAILED, "exchanges": []})

        done = execute(admin)

        assert done.code == 1
        assert "lamp    SUCCESS  online=true, on=true\n" in done.out
        assert (
            "desk    -        FULFILLMENT_FAILED: The fulfillment answered HTTP 500.\n" in done.out
        )
        assert "why: It failed. Because.\nfix: Mend it.\n" in done.err

    @pytest.mark.parametrize(
        ("challenge", "way_out"),
        [
            ("ackNeeded", "--ack says yes"),
            ("pinNeeded", "--pin-file FILE has the PIN"),
            ("challengeFailedPinNeeded", "the PIN was wrong; --pin-file FILE has the right one"),
        ],
    )
    def test_a_challenge_that_nobody_answers_names_the_way_out(
        self, admin, server, challenge, way_out
    ):
        """A script has no terminal to be asked at."""
        refused = {**RESULT, "ok": False, "status": "ERROR", "challenge": challenge}
        server.on("POST", "/-/api/execute", {**ERRAND, "ok": False, "devices": [refused]})
        server.on("GET", "/-/api/errand", {**ERRAND, "exchanges": []})

        done = execute(admin)

        assert done.code == 1
        assert f"lamp: {challenge}; {way_out}, and on a terminal you are asked.\n" in done.err

    def test_the_json_has_every_errand(self, admin, server):
        """The command that was refused for want of a yes, and the one that was sent with it."""
        refused = {**RESULT, "ok": False, "status": "ERROR", "challenge": "ackNeeded"}
        first = {**ERRAND, "id": "e-1", "ok": False, "devices": [refused], "findings": [FINDING]}
        server.on("POST", "/-/api/execute", first, {**ERRAND, "id": "e-2"})
        server.on("GET", "/-/api/errand", {**ERRAND, "exchanges": []})

        done = execute(admin, "--ack", "--json")

        assert (done.json["id"], done.json["errands"]) == ("e-2", ["e-1", "e-2"])
        assert (done.json["ok"], done.json["findings"]) == (True, [FINDING])

    def test_a_follow_up_is_asked_for_until_it_comes(self, admin, server):
        """A part of the time at once; a failure that is told later is a failure."""
        waiting = {**ERRAND, "exchanges": [], "follow_ups": [{**FOLLOW_UP, "answered_at": None}]}
        come = {**waiting, "follow_ups": [FOLLOW_UP]}
        server.on("POST", "/-/api/execute", ERRAND)
        server.on("GET", "/-/api/errand", waiting, come)

        done = execute(admin, "--wait-follow-up", "25s")

        waits = [one.query["wait"] for one in server.seen if one.path == "/-/api/errand"]
        assert done.code == 1
        assert waits == ["10.0", "10.0"]
        assert "lamp: follow-up FAILURE at 10:52:06 (late)   errorCode=jammed\n" in done.err

    def test_a_follow_up_that_does_not_come(self, admin, server):
        """The time is over, and nobody knows."""
        waiting = {**ERRAND, "exchanges": [], "follow_ups": [{**FOLLOW_UP, "answered_at": None}]}
        server.on("POST", "/-/api/execute", ERRAND)
        server.on(
            "GET",
            "/-/api/errand",
            {**waiting, "follow_ups": [{**FOLLOW_UP, "answered_at": None, "status": ""}]},
        )

        done = execute(admin, "--wait-follow-up", "15s")

        waits = [one.query["wait"] for one in server.seen if one.path == "/-/api/errand"]
        assert done.code == 1
        assert waits == ["10.0", "5.0"]
        assert "lamp: no follow-up yet\n" in done.err


class TestLiveQuery:
    def test_answers_stand_beside_what_is_stored(self, admin, server):
        """And where they differ; the findings are on stderr."""
        device = {**RESULT, "stored": {"on": False, "brightness": 3}, "differs": ["on"]}
        answer = {**ERRAND, "intent": "QUERY", "devices": [device], "findings": [FINDING]}
        server.on("POST", "/-/api/query", answer)

        done = live(admin)

        assert done.code == 0
        assert server.seen[-1].json == {
            "project": "acme",
            "agent_user": "user-1",
            "devices": ["lamp"],
            "user": "",
        }
        assert done.out == (
            "DEVICE  STATE       ANSWERED  STORED\n"
            "lamp    brightness  -         3\n"
            "lamp    on          true      false   differs\n"
            "lamp    online      true      -\n"
        )
        assert (
            "advice query-disagrees lamp /payload/devices/lamp/on: on is True here.\n" in done.err
        )

    def test_a_device_without_an_answer(self, admin, server):
        """It has a line that says why, and the exit code is that of a failure."""
        server.on("POST", "/-/api/query", {**FAILED, "intent": "QUERY"})

        done = live(admin)

        assert done.code == 1
        told = "FULFILLMENT_FAILED: The fulfillment answered HTTP 500."
        assert f"desk    -       -         -       {told}\n" in done.out
        assert "homegraph runs show 0633f2a9c4" in done.err

    @pytest.mark.parametrize(
        "words",
        [
            ("--live", "--credentials", "key.json"),
            ("--live", "--target", "google"),
            ("--live", "--base-url", "http://127.0.0.1:1"),
            ("--project", "acme"),
            ("--user", "anna"),
        ],
    )
    def test_options_of_the_other_way_are_refused(self, admin, server, words):
        """What a caller is, and what an operator is, is not mixed; nothing is sent."""
        done = admin("query", "user-1", "lamp", *words)

        assert done.code == 2
        assert server.seen == []


class TestErrands:
    def test_list(self, admin, server):
        """Newest first, as the server has them."""
        open_ = {**ERRAND, "finished_at": None, "intent": "QUERY", "command": ""}
        server.on("GET", "/-/api/errands", {"errands": [ERRAND, FAILED, open_]})

        done = admin("runs", "errands", "--project", "acme", "--limit", "5", "--before", "e9")

        assert server.seen[0].query == {"project": "acme", "limit": "5", "before": "e9"}
        assert [line.split("  ")[-1].strip() for line in done.out.splitlines()] == [
            "OUTCOME",
            "done",
            "FULFILLMENT_FAILED",
            "not over, or its server died",
        ]
        assert "EXECUTE OnOff" in done.out

    def test_show_tells_of_either(self, admin, server):
        """An id that is no run's is an errand's."""
        differing = {**RESULT, "stored": {"on": False}, "differs": ["on"]}
        errand = {
            **FAILED,
            "devices": [differing, UNREACHED],
            "findings": [FINDING],
            "follow_ups": [FOLLOW_UP],
            "exchanges": [EXCHANGE],
        }
        server.on("GET", "/-/api/run", Answer({"error": NO}, 404))
        server.on("GET", "/-/api/errand", errand)

        done = admin("runs", "show", "0633f2a9c4")

        assert done.out == (
            "errand 0633f2a9c4   acme / user-1   2026-11-22 10:42:06\n"
            "10:42:06  asked  EXECUTE OnOff on=true\n"
            "10:42:06  --> EXECUTE anna   http://127.0.0.1:3000/smarthome\n"
            "          <-- 200    116 bytes, 41 ms\n"
            "10:42:07  FULFILLMENT_FAILED\n"
            "          lamp: SUCCESS   online=true, on=true\n"
            "            on: answered true, stored false\n"
            "          desk: -   FULFILLMENT_FAILED: The fulfillment answered HTTP 500.\n"
            "          lamp: follow-up FAILURE at 10:52:06 (late)   errorCode=jammed\n"
            "          why: It failed. Because.\n"
            "          fix: Mend it.\n"
            "          advice query-disagrees lamp /payload/devices/lamp/on: on is True here.\n"
            "            Why. Fix.\n"
        )

    def test_show_of_what_is_neither(self, admin, server):
        """The refusal is the run's, which most who ask have meant."""
        server.on("GET", "/-/api/run", Answer({"error": NO}, 404))
        server.on("GET", "/-/api/errand", Answer({"error": {**NO, "message": "nor"}}, 404))

        done = admin("runs", "show", "x")

        assert done.code == 5
        assert done.err.startswith("error: no (404 NOT_FOUND)\n")
