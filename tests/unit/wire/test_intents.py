"""The SYNC intent: the bytes that go out, and what any reply is read as."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.errors import ReplyErrorPayload, ReplyUnusable
from homegraph.wire import intents
from homegraph.wire.transcoding import AGENT_USER_ID_BYTES_MAX

LAMP = {
    "id": "lamp",
    "type": "action.devices.types.LIGHT",
    "traits": ["action.devices.traits.OnOff", "action.devices.traits.Brightness"],
    "name": {"name": "Lamp", "nicknames": ["Bulb"]},
    "willReportState": True,
    "roomHint": "Kitchen",
}


def reply(**payload):
    """A reply with this payload."""
    return json.dumps({"requestId": "1", "payload": payload}).encode()


def test_the_request_is_written_as_google_writes_it():
    """Compact, keys in alphabetical order, requestId a decimal number (observed)."""
    assert intents.sync_request("16262011330654446620") == (
        b'{"inputs":[{"intent":"action.devices.SYNC"}],"requestId":"16262011330654446620"}'
    )


def test_a_reply_is_taken_apart_without_looking_into_its_devices():
    """Devices stay the bytes they came as, also those that are unusable."""
    body = b'{"requestId":"1","payload":{"agentUserId":"1836","devices":[{"id" : "a"},null, 7 ]},"x":0}'

    reply = intents.read_sync_reply(body)

    assert (reply.request_id, reply.agent_user_id) == ("1", "1836")
    assert [bytes(device) for device in reply.devices] == [b'{"id" : "a"}', b"null", b"7"]


@pytest.mark.parametrize("missing", [{}, {"requestId": None, "agentUserId": None}])
def test_what_a_reply_may_lack(missing):
    """Missing or null requestId and agentUserId are empty."""
    body = json.dumps(
        {
            "requestId": missing.get("requestId"),
            "payload": {"agentUserId": missing.get("agentUserId"), "devices": []},
        }
        if missing
        else {"payload": {"devices": []}}
    ).encode()

    assert intents.read_sync_reply(body) == intents.SyncReply("", "", ())


@pytest.mark.parametrize(
    ("status", "headers", "told"),
    [
        (302, {"location": "/login?next=secret#top"}, "HTTP 302, a redirect to /login."),
        (308, {"location": "https://x/" + "y" * 999}, f"a redirect to https://x/{'y' * 290}…."),
        (302, {}, "HTTP 302."),
        (302, {"location": "?next=secret"}, "HTTP 302."),
        (404, {"location": "/elsewhere"}, "HTTP 404."),
    ],
)
def test_what_an_answer_without_success_says(status, headers, told):
    """Of a redirect where it leads, without what its query holds."""
    said = intents.refusal_told(status, headers)

    assert said.startswith(f"The fulfillment answered HTTP {status}")
    assert said.endswith(told)


@pytest.mark.parametrize(
    ("wish", "after"),
    [
        ("120", 120.0),
        ("3601", intents.RETRY_AFTER_SECONDS_MAX),
        ("9" * 5_000, intents.RETRY_AFTER_SECONDS_MAX),
        ("Mon, 12 Jan 1970 13:48:20 GMT", 100.0),
        ("Mon, 12 Jan 1970 13:48:20 -0000", 100.0),
        ("Mon, 12 Jan 2970 13:48:20 GMT", intents.RETRY_AFTER_SECONDS_MAX),
    ],
)
def test_when_an_answer_wants_to_be_asked_again(wish, after):
    """Retry-After has seconds or a date (RFC 9110, 10.2.3), and does not reach far."""
    assert intents.retry_at({"retry-after": wish}, 1_000_000.0) == 1_000_000.0 + after


@pytest.mark.parametrize(
    "wish",
    [
        "",
        "0",
        "-5",
        "1.5",
        "\u0661",
        "soon",
        "Mon, 12 Jan 1970 13:46:40 GMT",
        "Mon, 12 Jan 99999999999999999999 00:00:00 GMT",
    ],
)
def test_a_wish_that_says_nothing(wish):
    """What cannot be read, or lies behind, is as if it were not there."""
    assert intents.retry_at({"retry-after": wish}, 1_000_000.0) == 0.0
    assert intents.retry_at({}, 1_000_000.0) == 0.0


@given(st.text(), st.floats(0.0, 1e10))
def test_a_wish_is_never_far_away(wish, now):
    """Whatever a fulfillment writes: it is a time from now to the bound, or none."""
    at = intents.retry_at({"retry-after": wish}, now)

    assert at == 0.0 or now < at <= now + intents.RETRY_AFTER_SECONDS_MAX


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", r"is not JSON: it is empty \(line 1, column 1\)\."),
        (b"<html>", "is not JSON: it begins with '<', as a page does"),
        (b"\xef\xbb\xbf{}", "is not JSON: it begins with a byte order mark"),
        (b"[]", "cannot be used: it is a list; it must be an object\\."),
        (b'{"payload":{"devices":[', r"it ends before it is complete \(line 1, column 24\)"),
        (
            b'{"payload":{"agentUserId":7,"devices":[]}}',
            r"payload\.agentUserId is a number; it must be text\.",
        ),
        (b'{"payload":{"devices":{}}}', r"payload\.devices is an object; it must be a list\."),
        (b'{"requestId":"\xff","payload":{"devices":[]}}', "is not UTF-8: byte 14 is none"),
        (b'{"x":' + b"[" * 100_000, "nested too deeply"),
        (b'{"payload":{"agentUserId":"\\ud800","devices":[]}}', "surrogate"),
        (b"{}", "no payload"),
        (b'{"payload":null}', "no payload"),
        (b'{"payload":{}}', "no payload.devices"),
        (b'{"payload":{"devices":null,"errorCode":""}}', "no payload.devices"),
    ],
)
def test_a_reply_that_is_none(body, message):
    """Whatever is no answer to SYNC is refused with the place where it is not."""
    with pytest.raises(ReplyUnusable, match=message):
        intents.read_sync_reply(body)


def test_an_error_that_the_fulfillment_reports():
    """payload.errorCode is an error whatever else the payload holds, and debugString is passed on."""
    with pytest.raises(ReplyErrorPayload, match=r"errorCode authExpired \(token gone\)"):
        intents.read_sync_reply(
            reply(errorCode="authExpired", debugString="token gone", devices=[LAMP])
        )
    with pytest.raises(ReplyErrorPayload, match=r"errorCode deviceOffline$"):
        intents.read_sync_reply(reply(errorCode="deviceOffline"))


def test_foreign_texts_are_cut():
    """A reply cannot fill our messages."""
    with pytest.raises(ReplyErrorPayload) as caught:
        intents.read_sync_reply(reply(errorCode="e" * 10_000, debugString="d" * 10_000))

    assert len(caught.value.message) < 3 * intents.TEXT_MAX
    assert "e" * intents.TEXT_MAX + "…" in caught.value.message


def test_an_agent_user_whom_no_call_could_name():
    """A link that was moved to him could never be synced again."""
    longest = "é" * (AGENT_USER_ID_BYTES_MAX // 2)

    read = intents.read_sync_reply(reply(agentUserId=longest, devices=[]))
    assert read.agent_user_id == longest
    with pytest.raises(ReplyUnusable, match="agentUserId of more than 1024 bytes"):
        intents.read_sync_reply(reply(agentUserId=longest + "x", devices=[]))


def test_the_number_of_devices_is_bounded():
    """One device too many refuses the reply."""
    most = b'{"payload":{"devices":[' + b",".join([b"1"] * intents.DEVICES_MAX) + b"%b]}}"

    assert len(intents.read_sync_reply(most % b"").devices) == intents.DEVICES_MAX
    with pytest.raises(ReplyUnusable, match="lists 5001 devices; 5000 are allowed"):
        intents.read_sync_reply(most % b",1")


def test_a_device():
    """What we need of a device is read, and its bytes are kept for the rest."""
    written = json.dumps(LAMP).encode()
    read = intents.read_device(written)
    assert read.members() == LAMP
    assert read == intents.device_of(LAMP, written)
    assert read == intents.DeviceDefinition(
        "lamp",
        "action.devices.types.LIGHT",
        ("action.devices.traits.OnOff", "action.devices.traits.Brightness"),
        "Lamp",
        "Kitchen",
        written,
    )


def test_attributes_are_the_same_in_any_order():
    """They are kept beside the device, and their bytes are what devices of one model share; an empty object is none."""
    for order in ({"a": 1, "b": [2]}, {"b": [2], "a": 1}):
        read = intents.read_device(json.dumps(LAMP | {"attributes": order}).encode())
        assert read.attributes == b'{"a":1,"b":[2]}'
    for nothing in ({}, None):
        assert (
            intents.read_device(json.dumps(LAMP | {"attributes": nothing}).encode()).attributes
            == b""
        )


def test_a_device_in_no_room():
    """A missing or null roomHint is empty."""
    without = {name: value for name, value in LAMP.items() if name != "roomHint"}

    assert intents.read_device(json.dumps(without).encode()).room_hint == ""
    assert intents.read_device(json.dumps(without | {"roomHint": None}).encode()).room_hint == ""


@pytest.mark.parametrize(("said", "notifies"), [(True, True), (False, False), (None, False)])
def test_a_device_that_sends_notifications(said, notifies):
    """Only one that says so may; missing is no."""
    member = {"notificationSupportedByAgent": said}

    assert intents.read_device(json.dumps(LAMP | member).encode()).notifies is notifies
    assert not intents.read_device(json.dumps(LAMP).encode()).notifies


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": None}, r"at `\$\.id`"),
        ({"id": 7}, r"at `\$\.id`"),
        ({"id": ""}, "an empty id"),
        ({"name": "Lamp"}, r"at `\$\.name`"),
        ({"name": {}}, "required field `name`"),
        ({"traits": "OnOff"}, r"at `\$\.traits`"),
        ({"traits": [1]}, r"at `\$\.traits\[0\]`"),
        ({"type": 1}, r"at `\$\.type`"),
        ({"attributes": []}, r"at `\$\.attributes`"),
        ({"customData": "x"}, r"at `\$\.customData`"),
        ({"willReportState": "yes"}, r"at `\$\.willReportState`"),
        ({"notificationSupportedByAgent": 1}, r"at `\$\.notificationSupportedByAgent`"),
    ],
)
def test_a_device_that_is_none(change, message):
    """One that lacks what it must have is refused; the message names the member."""
    with pytest.raises(ReplyUnusable, match=f"A device .*{message}"):
        intents.read_device(json.dumps(LAMP | change).encode())


@pytest.mark.parametrize("name", ["id", "type", "traits", "name"])
def test_what_a_device_must_have(name):
    """id, type, traits and name are required."""
    without = {key: value for key, value in LAMP.items() if key != name}

    with pytest.raises(ReplyUnusable, match=f"required field `{name}`"):
        intents.read_device(json.dumps(without).encode())


@pytest.mark.parametrize(
    "definition", [b"", b"null", b'"lamp"', b"{", b'{"id":"\xff"}', b'{"x":' + b"[" * 100_000]
)
def test_bytes_that_are_no_device(definition):
    """Anything but an object in JSON is refused."""
    with pytest.raises(ReplyUnusable, match="A device cannot be used"):
        intents.read_device(definition)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_value_or_our_error(body):
    """A reply is read or refused; nothing else comes out of here."""
    for read in (intents.read_sync_reply, intents.read_device):
        with contextlib.suppress(ReplyUnusable, ReplyErrorPayload):
            read(body)


@given(JSON, st.text())
def test_what_is_read_is_what_was_sent(value, agent_user_id):
    """Devices come out as the bytes that went in."""
    read = intents.read_sync_reply(reply(agentUserId=agent_user_id, devices=[value]))

    assert read.agent_user_id == agent_user_id
    assert [json.loads(bytes(one)) for one in read.devices] == [value]


def test_a_disconnect_is_as_bare_as_a_sync():
    """It says nothing but that it is one: whose it is, the token says."""
    assert intents.disconnect_request("7") == (
        b'{"inputs":[{"intent":"action.devices.DISCONNECT"}],"requestId":"7"}'
    )
