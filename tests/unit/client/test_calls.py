"""The calls as values: what is sent, and what an answer means."""

from __future__ import annotations

import json

import pytest

from homegraph.client import calls
from homegraph.errors import ApiError, SettingsError

KEY = "AIzaSyA-secret_secret_secret_secret_123"


def request_sync(**given):
    """The call with what a test does not care about filled in."""
    return calls.request_sync(
        **{"base_url": "http://h:1", "api_key": KEY, "agent_user_id": "u", "async_": False} | given
    )


class TestRequestSync:
    def test_is_a_post_to_the_documented_path(self):
        """The call goes to /v1/devices:requestSync of the base URL, and nowhere else."""
        made = request_sync(base_url="https://example.com/home")

        assert (made.method, made.url) == (
            "POST",
            "https://example.com/home/v1/devices:requestSync",
        )

    @pytest.mark.parametrize(
        ("async_", "expected"),
        [(False, {"agentUserId": "u"}), (True, {"agentUserId": "u", "async": True})],
    )
    def test_body_names_async_only_when_it_is_wanted(self, async_, expected):
        """A waiting call sends the body of the 2018 sample; async is added, not set to false."""
        assert json.loads(request_sync(async_=async_).body) == expected

    @pytest.mark.parametrize("agent_user_id", ["用户", "a/b c?d", "\ud800", 'quo"te'])
    def test_any_agent_user_id_can_be_sent(self, agent_user_id):
        """What an id may be is the server's decision; the client sends it as it is."""
        assert json.loads(request_sync(agent_user_id=agent_user_id).body) == {
            "agentUserId": agent_user_id
        }

    def test_key_is_a_header(self):
        """The key is not in the address, which ends up in logs."""
        made = request_sync()

        assert dict(made.headers)["x-goog-api-key"] == KEY
        assert KEY not in made.url

    def test_key_is_not_in_the_repr(self):
        """Printing a request does not give the key away."""
        assert KEY not in repr(request_sync())

    @pytest.mark.parametrize(
        "key", ["", "has blank", "line\nbreak", "ключ", "\r\nHost: x", "k\x00"]
    )
    def test_impossible_keys_are_refused(self, key):
        """A key that cannot be a header is refused before it is sent, and not repeated."""
        with pytest.raises(SettingsError, match="api_key") as caught:
            request_sync(api_key=key)

        assert not key or key not in str(caught.value)


class TestReadResponse:
    @pytest.mark.parametrize("body", [b"{}\n", b"{}", b" { } ", b'{"new": 1}'])
    def test_200_with_an_object_is_success(self, body):
        """Success is 200 and a JSON object; members that come later do no harm."""
        assert calls.read_response(200, {}, body) is None

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"true", b"[" * 200_000, b"\xff"])
    def test_200_with_anything_else_is_not_a_home_graph(self, body):
        """A login page with status 200 is no success."""
        with pytest.raises(ApiError) as caught:
            calls.read_response(200, {}, body)

        assert caught.value.reason == "NOT_A_HOME_GRAPH"

    def test_redirect_is_an_error_that_names_only_the_host(self):
        """Redirects are not followed; the target is shown without what may be secret in it."""
        with pytest.raises(ApiError) as caught:
            calls.read_response(302, {"location": f"https://login.example/x?key={KEY}"}, b"")

        assert "login.example" in caught.value.message
        assert KEY not in caught.value.message

    def test_error_is_read_in_full(self):
        """Code, status, message and details of Google's envelope arrive typed."""
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "SYNC_IN_FLIGHT",
            "domain": "homegraph",
        }
        body = {
            "error": {
                "code": 429,
                "message": "Resource has been exhausted (e.g. check quota).",
                "status": "RESOURCE_EXHAUSTED",
                "details": [info],
            }
        }

        with pytest.raises(ApiError) as caught:
            calls.read_response(429, {}, json.dumps(body).encode())

        error = caught.value
        assert (error.http_status, error.status, error.reason, error.retryable) == (
            429,
            "RESOURCE_EXHAUSTED",
            "SYNC_IN_FLIGHT",
            True,
        )
        assert error.details == (info,)
        assert error.hint


class TestBaseUrl:
    @pytest.mark.parametrize(
        ("given", "environment", "expected"),
        [
            (None, {}, "http://127.0.0.1:4663"),
            (None, {"HOMEGRAPH_EMULATOR_HOST": "box:99"}, "http://box:99"),
            (None, {"HOMEGRAPH_EMULATOR_HOST": "https://box"}, "https://box"),
            (None, {"HOMEGRAPH_EMULATOR_HOST": "[::1]:99"}, "http://[::1]:99"),
            (
                None,
                {"HOMEGRAPH_BASE_URL": "https://a/", "HOMEGRAPH_EMULATOR_HOST": "b:1"},
                "https://a",
            ),
            (
                None,
                {"HOMEGRAPH_BASE_URL": "", "HOMEGRAPH_EMULATOR_HOST": ""},
                "http://127.0.0.1:4663",
            ),
            ("http://arg:1/sub/", {"HOMEGRAPH_BASE_URL": "https://a"}, "http://arg:1/sub"),
        ],
    )
    def test_first_that_is_given_counts(self, given, environment, expected):
        """Argument, HOMEGRAPH_BASE_URL, HOMEGRAPH_EMULATOR_HOST, local server: in this order."""
        assert calls.base_url_from(given, environment) == expected

    @pytest.mark.parametrize(
        "url",
        [
            "127.0.0.1:4663",
            "ftp://host",
            "http://",
            "http://[::1",
            "http://host:99999",
            f"http://host/?key={KEY}",
            f"http://user:{KEY}@host",
            f"http://host/#{KEY}",
            "",
        ],
    )
    def test_impossible_addresses_are_refused(self, url):
        """What is no bare address is refused with its place, and without repeating a secret in it."""
        with pytest.raises(SettingsError, match="base_url") as caught:
            calls.base_url_from(url, {})

        assert KEY not in str(caught.value) + caught.value.hint

    def test_variable_is_named_when_it_is_wrong(self):
        """The message says which variable to correct."""
        with pytest.raises(SettingsError, match="HOMEGRAPH_EMULATOR_HOST"):
            calls.base_url_from(None, {"HOMEGRAPH_EMULATOR_HOST": "http://"})

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("http://127.0.0.1:1", True),
            ("http://localhost", True),
            ("http://[::1]:2", True),
            ("https://homegraph.googleapis.com", False),
            ("http://192.168.1.2:80", False),
        ],
    )
    def test_loopback_is_known(self, url, expected):
        """Addresses on this machine are told from others, since they bypass proxies."""
        assert calls.is_loopback(url) is expected
