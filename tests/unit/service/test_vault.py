"""The vault: what is sealed opens at its place and nowhere else, and a secret's file is private, whole, and alone in its folder."""

import base64
import os
import stat

import pytest

from homegraph.errors import KeyMismatch, SettingsError
from homegraph.service.vault import KEY_BYTES, Vault, load_key, secret_file

VAULT = Vault(b"k" * KEY_BYTES)
PLACE = ("acme", "anna", "access")


def mode_of(path):
    """Who may do what with it."""
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_sealed_is_opened_at_its_place():
    """Whatever is in it; nothing of it is seen, and equal secrets do not look equal."""
    for secret in ("token", "schlüssel\0\n", "x" * 10_000):
        sealed = VAULT.seal(secret, *PLACE)
        assert VAULT.open(sealed, *PLACE) == secret
        assert secret.encode() not in sealed
        assert VAULT.seal(secret, *PLACE) != sealed
    assert VAULT.open(VAULT.seal("", *PLACE), *PLACE) == ""


@pytest.mark.parametrize(
    "place",
    [("acme", "anna", "refresh"), ("acme", "bert", "access"), ("other", "anna", "access"), ()],
    ids=["kind", "user", "project", "none"],
)
def test_at_another_place_it_stays_closed(place):
    """Whoever writes to the database cannot have one user's token used for another."""
    with pytest.raises(KeyMismatch):
        VAULT.open(VAULT.seal("token", *PLACE), *place)


def test_with_another_key_it_stays_closed():
    """And so does what was cut off or changed."""
    sealed = VAULT.seal("token", *PLACE)
    with pytest.raises(KeyMismatch):
        Vault(b"o" * KEY_BYTES).open(sealed, *PLACE)
    with pytest.raises(KeyMismatch):
        VAULT.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), *PLACE)


def test_a_secret_is_made_once(tmp_path):
    """In a file and a folder of its owner's own. What it was written with is gone: it held the secret, too."""
    path = tmp_path / "data" / "admin-token"
    made = secret_file(path, lambda: "first")

    assert (made, secret_file(path, lambda: "second")) == ("first", "first")
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)
    assert list(path.parent.iterdir()) == [path]


def test_a_secret_is_there_after_a_power_cut(tmp_path, monkeypatch):
    """What is sealed with a key is on the disk at once; so must be the key, and the name that it is found by."""
    path, kept = tmp_path / "encryption.key", []

    def sync(number):
        kept.append((os.fstat(number).st_ino, path.exists()))
        fsync(number)

    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", sync)
    secret_file(path, lambda: "secret")

    assert kept == [(path.stat().st_ino, False), (tmp_path.stat().st_ino, True)]


def test_two_servers_that_start_at_once_have_the_same_secret(tmp_path):
    """The file of the one who was faster counts, and the other one leaves nothing behind."""
    path = tmp_path / "admin-token"

    def made_while_another_does():
        path.write_text("theirs\n")
        return "ours"

    assert secret_file(path, made_while_another_does) == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_is_made_kept_and_found_again(tmp_path):
    """32 bytes, another one each time; what the environment has goes before the file."""
    keys = [load_key(tmp_path / name) for name in ("a", "b", "a")]
    ours = base64.b64encode(b"e" * KEY_BYTES).decode()

    assert [len(key) for key in keys] == [KEY_BYTES] * 3
    assert keys[0] == keys[2] != keys[1]
    assert load_key(tmp_path / "a", ours) == b"e" * KEY_BYTES


@pytest.mark.parametrize(
    "text",
    ["c2hvcnQ=", base64.b64encode(b"x" * 32).decode() + "!", base64.b64encode(b"x" * 33).decode()],
    ids=len,
)
def test_a_key_that_is_none_is_refused(tmp_path, text):
    """By the name of its file or variable, and without a character of it."""
    path = tmp_path / "encryption.key"
    path.write_text(text)
    for from_environment in ("", text):
        with pytest.raises(SettingsError) as caught:
            load_key(path, from_environment)
        assert text not in str(caught.value)
