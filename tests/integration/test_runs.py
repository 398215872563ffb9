"""Runs that meet a bug of ours."""

import logging

import pytest

from homegraph.graph import applying
from homegraph.testing.fulfillment import ScriptedFulfillment
from support.served import Served, an_integration, settings_in


@pytest.fixture
def cloud():
    """A device cloud with the user's home."""
    with ScriptedFulfillment() as scripted:
        yield scripted


def test_a_bug_ends_the_run_visibly_and_is_not_repeated(cloud, tmp_path, monkeypatch, caplog):
    """The caller gets an internal error at once, the run is recorded as failed, and the next one works."""

    def broken(*_):
        raise ZeroDivisionError("ours")

    with Served(settings_in(tmp_path, an_integration(cloud))) as served:
        served.until_link(lambda link: link.agent_user_id)
        with monkeypatch.context() as patch, caplog.at_level(logging.CRITICAL):
            patch.setattr(applying, "compare", broken)
            answer = served.request_sync()
        (newest, *_) = served.do(served.house.store.runs("acme", "user-1"))
        again = served.request_sync()

    assert (answer.status, answer.reason) == (500, "INTERNAL")
    assert (newest.outcome, newest.reason) == ("failed", "INTERNAL")
    assert again.status == 200
