"""kill -9 while a command or a question is under way: it is known that it was sent, and that nobody knows what came of it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from homegraph.testing.fulfillment import EXECUTE, QUERY, Answer

COMMANDS = {
    EXECUTE: ("execute", "lamp", "on=true", "--agent-user", "user-1"),
    QUERY: ("query", "user-1", "lamp", "--live"),
}


@pytest.mark.parametrize("intent", [EXECUTE, QUERY])
def test_what_was_under_way_is_still_known(setup, intent):
    """The command says that the server is gone. After the restart nothing is sent again by itself, and the journal says what it knows."""
    hold = threading.Event()
    setup.cloud.answer_execute_next(Answer(hold=hold))
    setup.cloud.answer_query_next(Answer(hold=hold))
    before = len(setup.cloud.intents(intent))
    with ThreadPoolExecutor(1) as pool:
        command = pool.submit(setup.server.cli, *COMMANDS[intent])
        setup.cloud.wait_for(before + 1, intent)
        setup.server.kill()
        assert command.result().code == 3
    hold.set()
    setup.server.restart()
    setup.server.wait_until_idle()

    (kept,) = setup.server.admin("errands")["errands"]
    listed = setup.server.cli("runs", "errands")
    shown = setup.server.cli("runs", "show", kept["id"])
    assert (kept["intent"], kept["finished_at"]) == (intent.rpartition(".")[2], None)
    assert "not over, or its server died" in listed.out
    assert "not over, or its server died" in shown.out
    assert len(setup.cloud.intents(intent)) == before + 1
