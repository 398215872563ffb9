"""Which Home Graph is meant."""

from __future__ import annotations

import pytest

from homegraph.client import address
from homegraph.errors import SettingsError

KEY = "AIzaSyA-secret_secret_secret_secret_123"


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
        assert address.base_url_from(given, environment) == expected

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
            address.base_url_from(url, {})

        assert KEY not in str(caught.value) + caught.value.hint

    def test_variable_is_named_when_it_is_wrong(self):
        """The message says which variable to correct."""
        with pytest.raises(SettingsError, match="HOMEGRAPH_EMULATOR_HOST"):
            address.base_url_from(None, {"HOMEGRAPH_EMULATOR_HOST": "http://"})

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
        assert address.is_loopback(url) is expected
