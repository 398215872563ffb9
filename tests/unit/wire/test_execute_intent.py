"""The EXECUTE intent."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.errors import ReplyErrorPayload, ReplyUnusable
from homegraph.wire.execute_intent import (
    CommandGroup,
    ExecuteReply,
    ExecuteResult,
    execute_request,
    follow_up_token,
    read_execute_reply,
    silent,
)
from homegraph.wire.query_intent import QueryDevice

ON_OFF = "action.devices.commands.OnOff"


def test_the_request_is_written_as_google_writes_it():
    """Compact, keys in alphabetical order, customData only where there is one and as SYNC gave it."""
    devices = (QueryDevice("123", {"z": 1, "a": 2}), QueryDevice("456"))

    assert execute_request("7", [CommandGroup(devices, {"z": 1, "on": True})], ON_OFF) == (
        b'{"inputs":[{"intent":"action.devices.EXECUTE","payload":{"commands":[{"devices":['
        b'{"customData":{"z":1,"a":2},"id":"123"},{"id":"456"}],"execution":['
        b'{"command":"action.devices.commands.OnOff","params":{"on":true,"z":1}}]}]}}],"requestId":"7"}'
    )


def test_a_challenge_stands_beside_command_and_params():
    """The same command again, with what the user has said."""
    alone = CommandGroup((QueryDevice("1"),), {})
    body = execute_request("7", [alone], ON_OFF, {"pin": "333222"})

    assert (
        b'"execution":[{"challenge":{"pin":"333222"},'
        b'"command":"action.devices.commands.OnOff","params":{}}]'
    ) in body


def test_groups_are_entries_of_one_intent():
    """Each with its own parameters and the same command."""
    groups = [CommandGroup((QueryDevice(one),), {"on": True, "followUpToken": one}) for one in "ab"]
    (intent,) = msgspec.json.decode(execute_request("7", groups, ON_OFF))["inputs"]

    assert intent["payload"]["commands"] == [
        {
            "devices": [{"id": one}],
            "execution": [{"command": ON_OFF, "params": {"followUpToken": one, "on": True}}],
        }
        for one in "ab"
    ]


@pytest.mark.parametrize(
    ("notification", "token"),
    [
        ({"priority": 0, "followUpResponse": {"status": "SUCCESS", "followUpToken": "t"}}, "t"),
        ({"followUpResponse": {"followUpToken": 7}}, ""),
        ({"followUpResponse": "t"}, ""),
        ({"priority": 0}, ""),
        ("t", ""),
    ],
)
def test_a_notification_may_bring_a_token_back(notification, token):
    """Whatever else it is, it brings none."""
    assert follow_up_token(notification) == token


def test_the_reply_is_one_result_per_device():
    """However the reply groups them; states are those after the command."""
    reply = read_execute_reply(
        b'{"requestId":"7","payload":{"commands":['
        b'{"ids":["1","2"],"status":"SUCCESS","states":{"on":true,"exceptionCode":"lowBattery"}},'
        b'{"ids":["3"],"status":"ERROR","errorCode":"challengeNeeded","debugString":"d",'
        b'"challengeNeeded":{"type":"pinNeeded"}},{"ids":["4"],"status":"PENDING"}]}}'
    )

    lit = ExecuteResult("SUCCESS", exception_code="lowBattery", states={"on": True})
    assert reply == ExecuteReply(
        "7",
        {
            "1": lit,
            "2": lit,
            "3": ExecuteResult("ERROR", "challengeNeeded", "", "d", "pinNeeded"),
            "4": ExecuteResult("PENDING"),
        },
    )
    assert [one.is_well for one in reply.devices.values()] == [True, True, False, True]


def test_a_missing_status_is_told_by_the_error_code():
    """Without one it is success, with one it is an error; other types count as missing."""
    reply = read_execute_reply(
        b'{"payload":{"commands":[{"ids":["1"],"status":3,"states":[]},'
        b'{"ids":["2"],"errorCode":"deviceOffline","challengeNeeded":true}]}}'
    )

    assert reply.devices == {
        "1": ExecuteResult("SUCCESS"),
        "2": ExecuteResult("ERROR", "deviceOffline"),
    }


def test_what_cannot_be_understood_says_nothing():
    """Entries that are no objects or name no devices, and ids that are no text, are passed over."""
    reply = read_execute_reply(b'{"payload":{"commands":[1,{},{"ids":"1"},{"ids":[2,"3"]}]}}')

    assert list(reply.devices) == ["3"]


def test_a_later_success_hides_no_error():
    """A device that is named twice went wrong if one of the entries says so."""
    good, bad = b'{"ids":["1"],"status":"SUCCESS"}', b'{"ids":["1"],"status":"OFFLINE"}'

    for first, second in ((good, bad), (bad, good)):
        reply = read_execute_reply(b'{"payload":{"commands":[%b,%b]}}' % (first, second))
        assert reply.devices["1"].status == "OFFLINE"


def test_a_device_that_the_reply_passes_over_is_an_error():
    """Nobody knows what became of it."""
    assert silent().status == "ERROR"
    assert not silent().is_well


@pytest.mark.parametrize("debug", ["", ',"debugString":"not today"'])
def test_an_error_for_the_whole_intent_is_an_error(debug):
    """As a fulfillment that is not ready answers; its debugString is told."""
    body = f'{{"payload":{{"errorCode":"deviceOffline"{debug},"commands":[]}}}}'

    with pytest.raises(
        ReplyErrorPayload, match=r"deviceOffline" + (".*not today" if debug else "")
    ):
        read_execute_reply(body.encode())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"payload":{}}', b'{"payload":{"commands":{}}}']
)
def test_what_is_no_answer_is_refused(body):
    """Every other shape is unusable."""
    with pytest.raises(
        ReplyUnusable, match=r"^The reply to EXECUTE (is not JSON: |cannot be used: |has )"
    ):
        read_execute_reply(body)


@given(st.binary())
def test_any_bytes_are_read_or_refused(body):
    """No input leads to anything but a reply or an error of the family."""
    with contextlib.suppress(ReplyUnusable, ReplyErrorPayload):
        read_execute_reply(body)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
_ENTRY = st.dictionaries(
    st.sampled_from(["ids", "status", "states", "errorCode", "challengeNeeded", "debugString"]),
    _JSON,
)


@given(st.lists(_ENTRY | _JSON, max_size=4))
def test_any_entries_are_read(entries):
    """Whatever an entry holds, the reply as a whole is read."""
    read_execute_reply(msgspec.json.encode({"payload": {"commands": entries}}))
