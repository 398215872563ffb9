"""The calls as values: what is sent, and what an answer means."""

from __future__ import annotations

import json
from types import MappingProxyType

import pytest

from homegraph.client import calls
from homegraph.client.calls import Response
from homegraph.errors import ApiError, SettingsError

KEY = "AIzaSyA-secret_secret_secret_secret_123"
CREDENTIAL = (("x-goog-api-key", KEY),)

ALL = [
    calls.request_sync("u"),
    calls.report_state("u", {}),
    calls.query("u", []),
    calls.sync("u"),
    calls.delete_agent_user("u"),
]


def body(call):
    """What a call sends, read."""
    return json.loads(call.body)


def answered(content, status=200):
    """An answer with this JSON, or these bytes."""
    return Response(
        status, {}, content if isinstance(content, bytes) else json.dumps(content).encode()
    )


class TestRequest:
    def test_goes_below_the_base_url(self):
        """A base URL may have a path of its own; the documented one comes after it."""
        made = calls.sync("u").request("https://example.com/home", CREDENTIAL)

        assert (made.method, made.url) == ("POST", "https://example.com/home/v1/devices:sync")

    def test_credential_is_a_header_and_never_shown(self):
        """The key is neither in the address, which ends up in logs, nor in what is printed."""
        made = calls.request_sync("u").request("http://h", CREDENTIAL)

        assert dict(made.headers) == {"content-type": "application/json", "x-goog-api-key": KEY}
        assert KEY not in made.url + repr(made)

    def test_states_are_not_shown(self):
        """What is reported of a home is not in the representation of the call."""
        assert "secret-state" not in repr(calls.report_state("u", {"lamp": {"on": "secret-state"}}))

    def test_without_a_body_there_is_no_content_type(self):
        """DELETE says nothing of a body that it has not."""
        made = calls.delete_agent_user("u").request("http://h", ())

        assert (made.headers, made.body) == ((), b"")

    @pytest.mark.parametrize(
        ("call", "seconds", "repeatable"),
        [
            (calls.request_sync("u"), 70, False),
            (calls.request_sync("u", async_=True), 10, False),
            (calls.report_state("u", {}), 10, False),
            (calls.query("u", []), 10, True),
            (calls.sync("u"), 10, True),
            (calls.delete_agent_user("u"), 10, True),
        ],
    )
    def test_policy_is_googles(self, call, seconds, repeatable):
        """Ten seconds as in Google's clients, and above the server's sixty where it waits; three may be repeated."""
        assert (call.request("http://h", ()).timeout, call.repeatable) == (seconds, repeatable)


class TestRequestSync:
    @pytest.mark.parametrize(
        ("async_", "expected"),
        [(False, {"agentUserId": "u"}), (True, {"agentUserId": "u", "async": True})],
    )
    def test_body_names_async_only_when_it_is_wanted(self, async_, expected):
        """A waiting call sends the body of the 2018 sample; async is added, not set to false."""
        assert body(calls.request_sync("u", async_=async_)) == expected

    @pytest.mark.parametrize("agent_user_id", ["用户", "a/b c?d", "\ud800", 'quo"te'])
    def test_any_agent_user_id_can_be_sent(self, agent_user_id):
        """What an id may be is the server's decision; the client sends it as it is."""
        assert body(calls.request_sync(agent_user_id)) == {"agentUserId": agent_user_id}

    @pytest.mark.parametrize("agent_user_id", [7, b"u", None])
    def test_what_is_no_text_is_no_id(self, agent_user_id):
        """It is refused here, where the mistake is."""
        with pytest.raises(TypeError, match="agent_user_id is text, not"):
            calls.request_sync(agent_user_id)


class TestReportState:
    def test_everything_that_is_given_is_sent(self):
        """States and notifications stand by device, ids beside the payload."""
        call = calls.report_state(
            "u",
            {"lamp": {"on": True, "color": {"spectrumRgb": 255}}},
            notifications={"bell": {"ObjectDetection": {"priority": 0}}},
            request_id="r",
            event_id="e",
        )

        assert call.path == "/v1/devices:reportStateAndNotification"
        assert body(call) == {
            "requestId": "r",
            "eventId": "e",
            "agentUserId": "u",
            "payload": {
                "devices": {
                    "states": {"lamp": {"on": True, "color": {"spectrumRgb": 255}}},
                    "notifications": {"bell": {"ObjectDetection": {"priority": 0}}},
                }
            },
        }

    def test_what_is_not_given_is_left_out(self):
        """No empty ids, and no member for the part of the payload that is not meant."""
        assert body(calls.report_state("u", {"lamp": {"on": False}})) == {
            "agentUserId": "u",
            "payload": {"devices": {"states": {"lamp": {"on": False}}}},
        }
        assert body(calls.report_state("u", {}, notifications={"b": {}}))["payload"] == {
            "devices": {"notifications": {"b": {}}}
        }

    def test_any_mapping_will_do(self):
        """States that cannot be changed are states, too."""
        states = MappingProxyType({"lamp": MappingProxyType({"on": True})})

        assert body(calls.report_state("u", states))["payload"]["devices"]["states"] == {
            "lamp": {"on": True}
        }

    def test_null_is_sent(self):
        """A null state is a mistake that the server explains; it does not vanish on the way."""
        sent = body(calls.report_state("u", {"lamp": {"on": None}}))

        assert sent["payload"]["devices"]["states"] == {"lamp": {"on": None}}

    @pytest.mark.parametrize(
        ("value", "error"),
        [(float("nan"), ValueError), (float("inf"), ValueError), (b"x", TypeError)],
    )
    def test_what_is_not_json_is_not_sent(self, value, error):
        """NaN would be a body that is no JSON, and the caller would hear of a syntax error."""
        with pytest.raises(error):
            calls.report_state("u", {"lamp": {"on": value}})


class TestQuery:
    def test_devices_are_named_in_one_input(self):
        """The form of Google's reference."""
        call = calls.query("u", (one for one in ("a", "b")), request_id="r")

        assert call.path == "/v1/devices:query"
        assert body(call) == {
            "requestId": "r",
            "agentUserId": "u",
            "inputs": [{"payload": {"devices": [{"id": "a"}, {"id": "b"}]}}],
        }

    def test_states_without_devices_are_refused(self):
        """Said in the words of the call, before anything is sent."""
        with pytest.raises(TypeError, match="by device id"):
            calls.report_state("u", [{"on": True}])

    def test_one_id_in_place_of_several_is_refused(self):
        """A text is not taken for a list of its letters."""
        with pytest.raises(TypeError, match="list"):
            calls.query("u", "lamp")

    @pytest.mark.parametrize(
        ("answer", "states"),
        [
            ({"payload": {"devices": {"a": {"on": True}}}}, {"a": {"on": True}}),
            ({"requestId": "r", "payload": {}}, {}),
            ({}, {}),
        ],
    )
    def test_states_come_by_device(self, answer, states):
        """What is empty is left out of an answer, as protobuf has it."""
        assert calls.query("u", ["a"]).result(answered(answer)) == states

    @pytest.mark.parametrize(
        "answer",
        [{"payload": []}, {"payload": {"devices": []}}, {"payload": {"devices": {"a": 1}}}],
    )
    def test_other_shapes_are_no_answer(self, answer):
        """Callers get what they were promised, or an error of ours."""
        with pytest.raises(ApiError, match="something else"):
            calls.query("u", ["a"]).result(answered(answer))


class TestSync:
    def test_body(self):
        """Nothing but the user, and an id of the request where one is given."""
        assert body(calls.sync("u")) == {"agentUserId": "u"}
        assert body(calls.sync("u", request_id="r")) == {"requestId": "r", "agentUserId": "u"}

    @pytest.mark.parametrize(
        ("answer", "devices"),
        [
            ({"payload": {"agentUserId": "u", "devices": [{"id": "a"}]}}, [{"id": "a"}]),
            ({"payload": {"agentUserId": "u"}}, []),
            ({}, []),
        ],
    )
    def test_devices_come_as_a_list(self, answer, devices):
        """A home without devices is an empty list."""
        assert calls.sync("u").result(answered(answer)) == devices

    @pytest.mark.parametrize(
        "answer", [{"payload": {"devices": {}}}, {"payload": {"devices": [1]}}]
    )
    def test_other_shapes_are_no_answer(self, answer):
        """Callers get what they were promised, or an error of ours."""
        with pytest.raises(ApiError, match="something else"):
            calls.sync("u").result(answered(answer))


class TestDeleteAgentUser:
    @pytest.mark.parametrize(
        ("agent_user_id", "path"),
        [
            ("1836.15267389", "1836.15267389"),
            ("a/b//c/", "a/b//c/"),
            ("a b?c#d%2Fe&f=g;h:i@j+k", "a%20b%3Fc%23d%252Fe%26f%3Dg%3Bh%3Ai%40j%2Bk"),
            ("用户", "%E7%94%A8%E6%88%B7"),
            ("\ud800", "%ED%A0%80"),
            ("a/../b", "a%2F..%2Fb"),
            ("./a", ".%2Fa"),
            ("...", "..."),
        ],
    )
    def test_id_is_escaped_but_for_slashes(self, agent_user_id, path):
        """As a path that may have several segments is written; nobody else's path can come of it."""
        assert calls.delete_agent_user(agent_user_id).path == f"/v1/agentUsers/{path}"

    @pytest.mark.parametrize("agent_user_id", [".", ".."])
    def test_dots_alone_are_refused(self, agent_user_id):
        """They would be resolved before they are sent, and another path be called."""
        with pytest.raises(SettingsError, match="agent_user_id"):
            calls.delete_agent_user(agent_user_id)

    def test_request_id_is_a_parameter(self):
        """There is no body for it."""
        assert calls.delete_agent_user("u", request_id="a&b c").path == (
            "/v1/agentUsers/u?requestId=a%26b+c"
        )


class TestResult:
    @pytest.mark.parametrize("content", [b"{}\n", b"{}", b" { } ", b'{"new": 1}'])
    def test_200_with_an_object_is_success(self, content):
        """Success is 200 and a JSON object; members that come later do no harm."""
        assert calls.request_sync("u").result(answered(content)) is None

    @pytest.mark.parametrize("call", ALL, ids=lambda call: call.path)
    @pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"true", b"[" * 200_000, b"\xff"])
    def test_200_with_anything_else_is_not_a_home_graph(self, call, content):
        """A login page with status 200 is no success."""
        with pytest.raises(ApiError) as caught:
            call.result(answered(content))

        assert caught.value.reason == "NOT_A_HOME_GRAPH"

    def test_redirect_is_an_error_that_names_only_the_host(self):
        """Redirects are not followed; the target is shown without what may be secret in it."""
        answer = Response(302, {"location": f"https://login.example/x?key={KEY}"}, b"")

        with pytest.raises(ApiError) as caught:
            calls.request_sync("u").result(answer)

        assert "login.example" in caught.value.message
        assert KEY not in caught.value.message

    def test_error_is_read_in_full(self):
        """Code, status, message and details of Google's envelope arrive typed."""
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "SYNC_IN_FLIGHT",
            "domain": "homegraph",
        }
        error = {
            "code": 429,
            "message": "Resource has been exhausted (e.g. check quota).",
            "status": "RESOURCE_EXHAUSTED",
            "details": [info],
        }

        with pytest.raises(ApiError) as caught:
            calls.request_sync("u").result(answered({"error": error}, 429))

        told = caught.value
        assert (told.http_status, told.status, told.reason, told.retryable) == (
            429,
            "RESOURCE_EXHAUSTED",
            "SYNC_IN_FLIGHT",
            True,
        )
        assert told.details == (info,)
        assert told.hint
