"""EXECUTE by real sockets: from the admin API to a fulfillment and back."""

import json
import threading

import pytest

from homegraph.service.events import Executed
from homegraph.testing.fulfillment import EXECUTE, SYNC, Answer, Home, ScriptedFulfillment, lamp
from support.served import CALL, JSON, KEY, linked, send

ON_OFF = "action.devices.commands.OnOff"
LAMP = lamp("lamp", "Lamp", roomHint="Kitchen", customData={"z": 1, "a": 2})


@pytest.fixture
def cloud():
    """A device cloud with two lamps."""
    with ScriptedFulfillment() as scripted:
        scripted.homes["token-1"] = Home(devices=[LAMP, lamp("other", "Lamp", roomHint="Hall")])
        yield scripted


class Breaking(ScriptedFulfillment):
    """A device cloud that does what it is told, and whose connection breaks once before it can say so, under ``intent``."""

    intent = ""

    def take(self, path, headers, raw):
        """Answer, unless it is to break."""
        answer = super().take(path, headers, raw)
        if self.intent and self.intent.encode() in raw:
            self.intent = ""
            raise ConnectionResetError
        return answer


@pytest.fixture
def served(cloud, tmp_path):
    """A server with a linked user."""
    with linked(tmp_path, cloud) as running:
        yield running


def execute(served, *devices, params=("on=true",), **members):
    """Call the admin API."""
    return served.admin(
        "POST",
        "execute",
        project="acme",
        agent_user="user-1",
        devices=devices,
        params=params,
        **members,
    )


def answered(*commands):
    """A scripted reply."""
    return Answer(body=json.dumps({"payload": {"commands": commands}}).encode())


def test_a_lamp_is_switched_by_its_name_and_room(served, cloud):
    """What goes out is Google's to the byte, with customData; stored states stay as they were."""
    answer = execute(served, "kitchen lamp")

    (call,) = cloud.intents(EXECUTE)
    assert answer.json["ok"]
    assert call.token == "token-1"
    assert call.raw == (
        b'{"inputs":[{"intent":"action.devices.EXECUTE","payload":{"commands":[{"devices":['
        b'{"customData":{"z":1,"a":2},"id":"lamp"}],"execution":[{"command":'
        b'"action.devices.commands.OnOff","params":{"on":true}}]}]}}],"requestId":"%b"}'
        % call.body["requestId"].encode()
    )
    assert answer.json["devices"][0]["states"] == {"online": True, "on": True}
    assert all(
        "on" not in json.loads(row.state)
        for row in served.do(served.house.store.states("acme", "user-1"))["lamp"]
    )


def test_devices_share_an_intent_and_answer_for_themselves(served, cloud):
    """One fails, one is not mentioned: both are told, and the answer is not ok."""
    cloud.answer_execute_next(
        answered({"ids": ["lamp"], "status": "ERROR", "errorCode": "deviceJammingDetected"})
    )

    answer = execute(served, "lamp", "hall lamp")

    assert len(cloud.intents(EXECUTE)) == 1
    assert not answer.json["ok"]
    assert [(one["id"], one["status"], one["error_code"]) for one in answer.json["devices"]] == [
        ("lamp", "ERROR", "deviceJammingDetected"),
        ("other", "ERROR", ""),
    ]


def test_an_answer_is_judged_by_what_was_asked_for(served, cloud):
    """A stream in a protocol that the screen does not have is a finding."""
    camera = "action.devices.traits.CameraStream"
    attributes = {
        "cameraStreamSupportedProtocols": ["hls", "webrtc"],
        "cameraStreamNeedAuthToken": False,
    }
    cloud.homes["token-1"].devices.append(
        lamp(
            "cam", "Cam", type="action.devices.types.CAMERA", traits=[camera], attributes=attributes
        )
    )
    served.request_sync()
    stream = {"cameraStreamAccessUrl": "https://x.example/", "cameraStreamProtocol": "webrtc"}
    cloud.answer_execute_next(answered({"ids": ["cam"], "status": "SUCCESS", "states": stream}))

    params = ("StreamToChromecast=true", 'SupportedStreamProtocols:=["hls"]')
    answer = execute(served, "cam", params=params)

    places = [one["path"] for one in answer.json["findings"]]
    assert "/payload/commands/0/states/cameraStreamProtocol" in places


def test_who_listens_hears_of_it(served, cloud):
    """Which devices were told what, and on which of them it was not carried out."""
    cloud.answer_execute_next(answered({"ids": ["lamp"], "status": "SUCCESS", "states": {}}))
    heard = []
    with served.house.events.listening(heard.append):
        execute(served, "lamp", "other")

    assert [event for event in heard if isinstance(event, Executed)] == [
        Executed("acme", "user-1", ON_OFF, ("lamp", "other"), failed=("other",))
    ]


def test_a_challenge_comes_back_and_is_answered(served, cloud):
    """The same call with the PIN sends the same command with it."""
    challenged = {"ids": ["lamp"], "status": "ERROR", "errorCode": "challengeNeeded"}
    cloud.answer_execute_next(answered({**challenged, "challengeNeeded": {"type": "pinNeeded"}}))

    assert execute(served, "lamp").json["devices"][0]["challenge"] == "pinNeeded"
    assert execute(served, "lamp", challenge={"pin": "333222"}).json["ok"]
    execution = cloud.intents(EXECUTE)[1].body["inputs"][0]["payload"]["commands"][0]["execution"]
    assert execution[0]["challenge"] == {"pin": "333222"}


@pytest.mark.parametrize(
    ("devices", "members", "status", "says"),
    [
        (["Lamp"], {}, 400, "devices: 'Lamp' may be"),
        (["lamb"], {}, 404, "There is no device 'lamb'. Did you mean 'Lamp'?"),
        (["lamp"], {"params": ["on=3"]}, 400, "params: lamp: on: "),
        (["lamp"], {"command": "Dock"}, 400, "params: lamp: No trait of this device"),
        (["lamp"], {"user": "nobody"}, 404, "User 'nobody' has no link"),
        ([], {}, 400, "devices: "),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    served, cloud, devices, members, status, says
):
    """With what is wrong in words."""
    answer = execute(served, *devices, **members)

    assert answer.status == status
    assert answer.json["error"]["message"].startswith(says)
    assert not cloud.intents(EXECUTE)


def test_unchecked_sends_what_the_catalog_refuses(served, cloud):
    """A fulfillment may know more than the catalog."""
    assert execute(served, "lamp", command="Dock", params=[], unchecked=True).json["ok"]
    assert len(cloud.intents(EXECUTE)) == 1


def test_a_handler_may_call_request_sync_before_it_answers(served, cloud):
    """Nothing is held while the fulfillment works."""
    release = threading.Event()
    cloud.answer_execute_next(
        Answer(
            body=answered({"ids": ["lamp"], "status": "SUCCESS"}).body,
            hold=release,
        )
    )
    cloud.refresh_tokens["refresh-1"] = "token-1"
    answers = []
    thread = threading.Thread(target=lambda: answers.append(execute(served, "lamp")))
    thread.start()
    try:
        cloud.wait_for(1, EXECUTE)
        body = json.dumps({"agentUserId": "user-1"}).encode()
        inside = send(served.url, "POST", f"{CALL}?key={KEY}", headers=JSON, body=body)
    finally:
        release.set()
        thread.join()

    assert inside.status == 200
    assert answers[0].json["ok"]


def test_an_expired_token_is_refreshed_on_the_way(served, cloud):
    """One refresh, and the command is sent again."""
    cloud.refresh_tokens["refresh-1"] = "token-2"
    cloud.homes["token-2"] = cloud.homes.pop("token-1")

    assert execute(served, "lamp").json["ok"]
    assert [call.token for call in cloud.intents(EXECUTE)] == ["token-1", "token-2"]


def test_a_command_is_never_sent_twice(tmp_path):
    """Its connection, which has rested since the first SYNC, breaks: what only asks is sent again, but a door may be open by now."""
    with Breaking() as cloud, linked(tmp_path, cloud) as served:
        cloud.homes["token-1"] = Home(devices=[LAMP])
        cloud.intent = SYNC
        assert served.request_sync().status == 200
        assert len(cloud.intents(SYNC)) == 3
        cloud.intent = EXECUTE
        answer = execute(served, "lamp")

    assert [one["reason"] for one in answer.json["devices"]] == ["FULFILLMENT_UNREACHABLE"]
    assert len(cloud.intents(EXECUTE)) == 1
