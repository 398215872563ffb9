"""EXECUTE's journal, its groups, its follow-ups, and what it does to states, by real sockets."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from homegraph.graph.naming import DEVICES_PER_INTENT_MAX
from homegraph.service import beside, executing, first_query, querying
from homegraph.service.clock import SystemClock
from homegraph.testing.clock import ManualClock
from homegraph.testing.fulfillment import EXECUTE, Answer, Home, ScriptedFulfillment, lamp
from support.program import Program
from support.served import WAIT_SECONDS, Served, an_integration, settings_in

LOCK = lamp(
    "lock",
    "Front door",
    type="action.devices.types.LOCK",
    traits=["action.devices.traits.LockUnlock"],
    notificationSupportedByAgent=True,
)
ALARM, VACUUM = (
    lamp(
        name,
        type=f"action.devices.types.{type_}",
        traits=[f"action.devices.traits.{trait}"],
        notificationSupportedByAgent=True,
    )
    for name, type_, trait in [
        ("alarm", "SECURITYSYSTEM", "ArmDisarm"),
        ("vacuum", "VACUUM", "StartStop"),
    ]
)
ONE_MORE = [lamp(f"lamp-{number:02}") for number in range(DEVICES_PER_INTENT_MAX + 1)]
FAILED = Answer(status=500, body=b"no")


def linked(folder, cloud, **members):
    """A server with a linked user; ``members`` are the project's.

    Its time stands still, so that what waits is woken, or waits for ever. It is the right time, because tokens are asked for by a library
    that has its own clock.
    """
    clock = ManualClock(SystemClock().now())
    served = Served(settings_in(folder, an_integration(cloud, **members)), clock)
    served.__enter__()
    served.until_link(lambda link: link.agent_user_id)
    return served


@pytest.fixture
def cloud():
    """A device cloud with a lamp, a lock and more lamps than one intent takes."""
    with ScriptedFulfillment() as scripted:
        scripted.homes["token-1"] = Home(devices=[lamp("lamp"), LOCK, ALARM, VACUUM, *ONE_MORE])
        yield scripted


@pytest.fixture
def served(cloud, tmp_path):
    """A server with a linked user."""
    running = linked(tmp_path, cloud)
    yield running
    running.__exit__(None, None, None)


def execute(served, *devices, params=("on=true",), **members):
    """Call the admin API."""
    asked = {"project": "acme", "agent_user": "user-1", "devices": devices, "params": params}
    return served.admin("POST", "execute", **asked, **members).json


def errand(served, answer, wait=0.0):
    """What is kept of it."""
    found = served.admin("GET", f"errand?id={answer['id']}&wait={wait}")
    assert found.status == 200, found.body
    return found.json


def answered(*commands):
    """A scripted reply."""
    return Answer(body=json.dumps({"requestId": "1", "payload": {"commands": commands}}).encode())


def sent(cloud):
    """The parameters of every entry of every EXECUTE."""
    return [
        entry["execution"][0]["params"]
        for call in cloud.intents(EXECUTE)
        for entry in call.body["inputs"][0]["payload"]["commands"]
    ]


def follow_up(token, device="lock", **members):
    """A notification that brings a token back."""
    response = {"status": "SUCCESS", "followUpToken": token, "isLocked": True, **members}
    return {device: {"LockUnlock": {"priority": 0, "followUpResponse": response}}}


def test_what_was_sent_and_came_is_kept(served, cloud):
    """With the bearer masked, the devices' results, and what the checks found in the answer."""
    cloud.answer_execute_next(answered({"ids": ["lamp"], "status": "DONE", "states": {"on": True}}))
    answer = execute(served, "lamp")
    kept = errand(served, answer)

    (exchange,) = kept.pop("exchanges")
    assert kept == answer
    assert (exchange["intent"], exchange["status"]) == ("EXECUTE", 200)
    assert exchange["request"]["headers"]["authorization"] == "Bearer ***"
    assert json.loads(exchange["request"]["body"]) == cloud.intents(EXECUTE)[0].body
    assert {one["rule"] for one in answer["findings"]} == {
        "request-id-not-echoed",
        "execute-status-unknown",
    }
    assert [one["id"] for one in served.admin("GET", "errands").json["errands"]] == [answer["id"]]
    assert served.admin("GET", "run?id=" + answer["id"]).status == 404


@pytest.mark.parametrize("pin", ["12", "333222", 'a"\\ü'])
def test_a_pin_is_nowhere(served, pin):
    """However short it is, and whatever is in it."""
    kept = errand(served, execute(served, "lamp", challenge={"pin": pin}))

    body = kept["exchanges"][0]["request"]["body"]
    assert json.loads(body)["inputs"][0]["payload"]["commands"][0]["execution"][0]["challenge"] == {
        "pin": "***"
    }
    assert f'"{pin}"' not in json.dumps(kept, ensure_ascii=False)


def test_a_secret_that_a_device_answers_is_told_once(served, cloud):
    """Whoever asked for the guests' password sees it; the journal does not keep it."""
    states = {"online": True, "guestNetworkPassword": "sesame open"}
    cloud.answer_execute_next(answered({"ids": ["lamp"], "status": "SUCCESS", "states": states}))
    answer = execute(
        served,
        "lamp",
        params=[],
        command="action.devices.commands.GetGuestNetworkPassword",
        unchecked=True,
    )

    assert answer["devices"][0]["states"] == states
    kept = errand(served, answer)
    assert kept["devices"][0]["states"]["guestNetworkPassword"] == "***"
    assert "sesame" not in json.dumps(kept)


def test_a_group_that_fails_takes_nothing_from_the_others(served, cloud):
    """Its devices have the error; the first group keeps its results, and a group after it is still sent."""
    cloud.answer_execute_next(FAILED)
    words = [one["id"] for one in ONE_MORE]
    answer = execute(served, *words)

    results = {one["id"]: one for one in answer["devices"]}
    failed = [one for one in words if results[one]["reason"]]
    assert not answer["ok"]
    assert failed == words[:-1]
    assert results[words[0]]["reason"] == answer["reason"] == "FULFILLMENT_FAILED"
    assert results[words[-1]]["states"] == {"online": True, "on": True}
    assert answer["explanation"]["fix"]


def test_a_refused_token_is_not_tried_for_every_group(served, cloud):
    """All devices have the error for a result; the second group is not sent."""
    cloud.homes.clear()
    answer = execute(served, *(one["id"] for one in ONE_MORE))

    assert {one["reason"] for one in answer["devices"]} == {"TOKEN_REFUSED"}
    assert len(cloud.intents(EXECUTE)) == 1


def test_states_are_stored_where_the_project_wants_it(cloud, tmp_path):
    """Those of devices that did it; of a pending command and of a failed one nothing is known."""
    cloud.answer_execute_next(
        answered(
            {"ids": ["lamp"], "status": "SUCCESS", "states": {"online": True, "on": True}},
            {"ids": ["lamp-00"], "status": "PENDING", "states": {"on": True}},
            {"ids": ["lamp-01"], "status": "ERROR", "errorCode": "x", "states": {"on": True}},
        )
    )
    served = linked(tmp_path, cloud, execute_updates_states=True)
    try:
        execute(served, "lamp", "lamp-00", "lamp-01")
        stored = Program(served).states("lamp", "lamp-00", "lamp-01")
    finally:
        served.__exit__(None, None, None)

    assert stored == {
        "lamp": {"online": True, "on": True},
        "lamp-00": {"online": True},
        "lamp-01": {"online": True},
    }


def test_a_device_that_may_follow_up_gets_a_token(served, cloud):
    """It alone; the notification that brings the token back is found with the execution."""
    cloud.answer_execute_next(answered({"ids": ["lock"], "status": "PENDING"}))
    answer = execute(served, "lock", params=["lock=true"])
    (params,) = sent(cloud)
    (before,) = answer["follow_ups"]
    Program(served).report(notifications=follow_up(params["followUpToken"]))
    (after,) = errand(served, answer)["follow_ups"]

    assert params["lock"] is True
    assert answer["devices"][0]["status"] == "PENDING"
    assert before["token"] == after["token"] == params["followUpToken"]
    assert (before["answered_at"], before["response"]) == (None, {})
    assert (after["status"], after["trait"], after["late"]) == ("SUCCESS", "LockUnlock", False)
    assert after["response"] == {"status": "SUCCESS", "isLocked": True}
    assert "followUpToken" not in answer["params"]
    execute(served, "lamp")
    assert sent(cloud)[1] == {"on": True}


@pytest.mark.parametrize(
    ("device", "param", "trait", "told"),
    [
        ("alarm", "arm=true", "ArmDisarm", {"isArmed": True}),
        ("vacuum", "start=true", "StartStop", {"isRunning": True}),
    ],
)
def test_commands_whose_follow_up_has_no_schema_get_one_too(served, device, param, trait, told):
    """Google sends the token with them; the result is told as for other traits."""
    answer = execute(served, device, params=[param])
    (before,) = answer["follow_ups"]
    response = {"status": "SUCCESS", "followUpToken": before["token"], **told}
    Program(served).report(
        notifications={device: {trait: {"priority": 0, "followUpResponse": response}}}
    )
    (after,) = errand(served, answer)["follow_ups"]

    assert after["response"] == {"status": "SUCCESS", **told}


def test_a_follow_up_that_comes_first_is_not_lost(served, cloud):
    """A handler may report before it answers EXECUTE."""
    release = threading.Event()
    reply = answered({"ids": ["lock"], "status": "SUCCESS", "states": {"online": True}})
    cloud.answer_execute_next(Answer(body=reply.body, hold=release))
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(execute, served, "lock", params=["lock=true"])
        try:
            (call,) = cloud.wait_for(1, EXECUTE)
            token = call.body["inputs"][0]["payload"]["commands"][0]["execution"][0]["params"]
            Program(served).report(notifications=follow_up(token["followUpToken"]))
        finally:
            release.set()

    assert answer.result()["follow_ups"][0]["status"] == "SUCCESS"


def test_a_follow_up_is_waited_for(served, cloud):
    """The answer comes with it; a foreign token wakes nobody for good, and one of another device does not count."""
    answer = execute(served, "lock", params=["lock=true"])
    token = sent(cloud)[0]["followUpToken"]
    program = Program(served)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(errand, served, answer, 10)
        program.report(notifications=follow_up("foreign"))
        program.report(notifications=follow_up(token, status="FAILURE", errorCode="x"))
        (found,) = waiting.result()["follow_ups"]

    assert (found["status"], found["response"]["errorCode"]) == ("FAILURE", "x")


def test_a_device_that_refused_is_not_waited_for(served, cloud):
    """It has no result to tell; the call is answered at once, long before its time is over."""
    cloud.answer_execute_next(answered({"ids": ["lock"], "status": "ERROR", "errorCode": "x"}))
    answer = execute(served, "lock", params=["lock=true"])

    assert errand(served, answer, 10)["follow_ups"][0]["answered_at"] is None


def test_many_tell_one_device_at_once(served, cloud):
    """Nothing is locked: every one of them is sent and answered, while all the others are under way."""
    release = threading.Event()
    done = answered({"ids": ["lamp"], "status": "SUCCESS", "states": {"online": True}}).body
    cloud.answer_execute_next(*(Answer(body=done, hold=release) for _ in range(8)))
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(execute, served, "lamp") for _ in range(8)]
        try:
            cloud.wait_for(8, EXECUTE)
        finally:
            release.set()

    assert all(one.result()["ok"] for one in answers)
    assert len(served.admin("GET", "errands").json["errands"]) == 8


@pytest.mark.parametrize(
    ("intent", "module", "step"),
    [
        ("", first_query, "check_query"),
        ("query", querying, "check_query"),
        ("execute", executing, "check_execute"),
    ],
)
def test_a_long_answer_is_looked_into_beside_everything_else(
    cloud, tmp_path, monkeypatch, intent, module, step
):
    """A fulfillment that answers with megabytes of states keeps nobody waiting but who asked: a caller, or who links his account."""
    looks, go_on = threading.Event(), threading.Event()
    look = getattr(module, step)

    def slow(*asked, **named):
        looks.set()
        assert go_on.wait(WAIT_SECONDS)
        return look(*asked, **named)

    monkeypatch.setattr(beside, "AT_ONCE_MAX_BYTES", 10)
    monkeypatch.setattr(module, step, slow)
    asked = {"project": "acme", "agent_user": "user-1", "devices": ["lamp"]}
    if intent == "execute":
        asked["params"] = ["on=true"]
    settings = settings_in(tmp_path, an_integration(cloud))
    with Served(settings) as served, ThreadPoolExecutor(1) as pool:
        if intent:
            served.until_link(lambda link: link.agent_user_id)
            waiting = pool.submit(served.admin, "POST", intent, **asked)
        else:
            waiting = pool.submit(served.until_link, lambda link: link.agent_user_id)
        assert looks.wait(WAIT_SECONDS)
        meanwhile = served.send("GET", "/livez")
        go_on.set()
        ended = waiting.result()

    assert meanwhile.status == 200
    assert not intent or ended.json["ok"]
