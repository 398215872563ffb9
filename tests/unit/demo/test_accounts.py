"""Signing in at the sample cloud: names that nobody has take no room."""

import pytest

from homegraph.demo.cloud import accounts
from homegraph.demo.cloud.accounts import FAILURES_MAX, Accounts, SignInRefused


def test_strangers_are_counted_up_to_a_bound(monkeypatch):
    """The oldest goes, and an account is never forgotten for their sake."""
    monkeypatch.setattr(accounts, "STRANGERS_MAX", 2)
    known = Accounts({"ada": ("right", "user-1")})
    for name in ("ada", "one", "two", "three"):
        for _ in range(FAILURES_MAX):
            with pytest.raises(SignInRefused, match="is wrong"):
                known.sign_in(name, "wrong", 0.0)

    for name, words in [
        ("ada", "Too many"),
        ("three", "Too many"),
        ("two", "Too many"),
        ("one", "is wrong"),
    ]:
        with pytest.raises(SignInRefused, match=words):
            known.sign_in(name, "right", 0.0)
    assert known.sign_in("ada", "right", 61.0).agent_user_id == "user-1"
