"""``service-accounts``: key files are written once, for their owner alone; keys are listed and revoked."""

from __future__ import annotations

import json
import stat

import pytest

from support.http_stub import Answer

EMAIL = "home-graph@acme.iam.gserviceaccount.com"
KEY = {
    "id": "0f3a9c51d2",
    "project_id": "acme",
    "email": EMAIL,
    "state": "active",
    "origin": "admin",
    "created_at": "2026-11-22T10:42:07.123Z",
    "revoked_at": None,
}
KEY_FILE = {
    "type": "service_account",
    "client_email": EMAIL,
    "private_key": "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n",
}
CREATED = {**KEY, "key_file": KEY_FILE}
CREATE = ("service-accounts", "create", "--project", "acme", "--out", "key.json")


@pytest.fixture
def creating(server):
    """A server that makes a key."""
    server.on("POST", "/-/api/service-accounts", CREATED)
    return server


def test_a_key_file_is_written(admin, creating, tmp_path):
    """The file that the server answered, readable by its owner alone; stdout names it and shows nothing of it."""
    done = admin(*CREATE)

    assert done.code == 0
    assert json.loads((tmp_path / "key.json").read_text()) == KEY_FILE
    assert stat.S_IMODE((tmp_path / "key.json").stat().st_mode) == 0o600
    assert EMAIL in done.out
    assert "key.json" in done.out
    assert "PRIVATE" not in done.out + done.err
    assert creating.seen[-1].json == {"project": "acme"}


def test_as_json_everything_but_the_key_is_shown(admin, creating, tmp_path):
    """The private key goes into the file and nowhere else."""
    done = admin(*CREATE, "--json")

    assert done.json == KEY
    assert (tmp_path / "key.json").exists()


@pytest.mark.parametrize(
    ("option", "member", "value"), [("--name", "name", "sync"), ("--email", "email", "a@b.example")]
)
def test_the_account_may_be_named(admin, creating, option, member, value):
    """By its name, or by its whole email."""
    admin(*CREATE, option, value)

    assert creating.seen[-1].json == {"project": "acme", member: value}


def test_two_names_are_wrong_usage(admin, creating, tmp_path):
    """Nothing is asked, nothing is written."""
    assert admin(*CREATE, "--name", "a1", "--email", "a@b").code == 2
    assert creating.seen == []
    assert not (tmp_path / "key.json").exists()


def test_a_file_is_never_overwritten(admin, creating, tmp_path):
    """Another key may be in it; no key is made that could not be kept."""
    (tmp_path / "key.json").write_text("precious")

    done = admin(*CREATE)

    assert done.code == 2
    assert "never overwritten" in done.err
    assert (tmp_path / "key.json").read_text() == "precious"
    assert creating.seen == []


def test_a_place_that_cannot_be_written_is_told_before_a_key_is_made(admin, creating):
    """With the path and the reason."""
    done = admin(*CREATE[:-1], "nowhere/key.json")

    assert done.code == 2
    assert "nowhere/key.json" in done.err
    assert creating.seen == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer(
            {
                "error": {
                    "code": 404,
                    "message": "There is no project 'acme'.",
                    "reason": "NOT_FOUND",
                }
            },
            404,
        ),
        Answer(KEY),
        Answer(b"no JSON"),
    ],
)
def test_without_a_key_no_file_is_left(admin, server, tmp_path, answer):
    """A refusal, or an answer without a key."""
    server.on("POST", "/-/api/service-accounts", answer)

    assert admin(*CREATE).code != 0
    assert not (tmp_path / "key.json").exists()


def test_accounts_are_listed_by_their_keys(admin, server):
    """One line for each key, and the server's document with --json."""
    revoked = {**KEY, "id": "aa", "state": "revoked", "origin": "file"}
    server.on("GET", "/-/api/service-accounts", {"keys": [KEY, revoked]})

    lines = admin("service-accounts", "list", "--project", "acme").out.splitlines()

    assert lines[0].split() == ["ACCOUNT", "KEY", "STATE", "MADE", "BY", "MADE"]
    assert lines[1].split() == [EMAIL, "0f3a9c51d2", "active", "admin", "2026-11-22", "10:42:07"]
    assert lines[2].split()[1:4] == ["aa", "revoked", "file"]
    assert server.seen[-1].query == {"project": "acme"}
    assert admin("service-accounts", "list", "--project", "acme", "--json").json["keys"] == [
        KEY,
        revoked,
    ]


def test_without_accounts_it_says_how_to_make_one(admin, server):
    """On stderr; there is no result."""
    server.on("GET", "/-/api/service-accounts", {"keys": []})

    done = admin("service-accounts", "list", "--project", "acme")

    assert (done.code, done.out) == (0, "")
    assert "service-accounts create" in done.err


@pytest.mark.parametrize(
    ("which", "member"), [("0f3a9c51d2", {"id": "0f3a9c51d2"}), (EMAIL, {"email": EMAIL})]
)
def test_a_key_or_a_whole_account_is_revoked(admin, server, which, member):
    """An @ tells an account."""
    revoked = {**KEY, "state": "revoked"}
    server.on("POST", "/-/api/service-accounts/revoke", {"keys": [revoked]})

    done = admin("service-accounts", "revoke", which, "--project", "acme")

    assert done.out == f"Key 0f3a9c51d2 of {EMAIL} is revoked.\n"
    assert server.seen[-1].json == {"project": "acme", **member}
    assert admin("service-accounts", "revoke", which, "--project", "acme", "--json").json == {
        "keys": [revoked]
    }
