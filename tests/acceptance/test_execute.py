"""``homegraph execute`` as a process: a lamp by its name, and a lock that wants a PIN."""

import json
import os
import pty
import subprocess
import sys

from homegraph.testing.fulfillment import EXECUTE, Answer

SECONDS = 30


def command(setup, *words):
    """The command line."""
    return [
        *(sys.executable, "-m", "homegraph", "execute", *words, "--agent-user", "user-1"),
        *("--server", setup.server.url, "--data-dir", str(setup.server.data_dir), "--json"),
    ]


def challenge(kind):
    """A device that wants to be answered."""
    entry = {"ids": ["lamp"], "status": "ERROR", "errorCode": "challengeNeeded"}
    reply = {"payload": {"commands": [{**entry, "challengeNeeded": {"type": kind}}]}}
    return Answer(body=json.dumps(reply).encode())


def sent(setup):
    """The challenges of all EXECUTEs."""
    return [
        call.body["inputs"][0]["payload"]["commands"][0]["execution"][0].get("challenge")
        for call in setup.cloud.intents(EXECUTE)
    ]


def test_a_lamp_does_what_it_is_told(setup):
    """By its name, the command told by its parameter."""
    done = subprocess.run(
        command(setup, "LAMP", "on=true"), capture_output=True, timeout=SECONDS, check=True
    )

    assert json.loads(done.stdout)["devices"][0]["states"] == {"online": True, "on": True}
    assert sent(setup) == [None]


def test_a_pin_comes_from_a_file_and_is_tried_once(setup, tmp_path):
    """A script that has the wrong one fails, and the lock is not tried again."""
    (tmp_path / "pin").write_text("1234\n")
    setup.cloud.answer_execute_next(challenge("pinNeeded"), challenge("challengeFailedPinNeeded"))

    done = subprocess.run(
        command(setup, "lamp", "on=true", "--pin-file", str(tmp_path / "pin")),
        capture_output=True,
        timeout=SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )

    assert done.returncode == 1
    assert json.loads(done.stdout)["devices"][0]["challenge"] == "challengeFailedPinNeeded"
    assert sent(setup) == [None, {"pin": "1234"}]


def test_a_yes_is_given_by_a_flag(setup):
    """For scripts; without it nothing is done."""
    setup.cloud.answer_execute_next(challenge("ackNeeded"))

    subprocess.run(command(setup, "lamp", "on=true", "--ack"), timeout=SECONDS, check=True)

    assert sent(setup) == [None, {"ack": True}]


def test_a_terminal_is_asked_for_the_pin_without_echo(setup):
    """A wrong one is asked for again; what is typed is not shown."""
    setup.cloud.answer_execute_next(challenge("pinNeeded"), challenge("challengeFailedPinNeeded"))
    process, terminal = pty.fork()
    if process == 0:  # pragma: no cover  # the command itself
        line = command(setup, "lamp", "on=true")
        os.execv(line[0], line)
    shown = b""
    for prompt, typed in ((b"PIN: ", b"1111\n"), (b"wrong PIN, again: ", b"2222\n")):
        while not shown.endswith(prompt):
            shown += os.read(terminal, 1024)
        os.write(terminal, typed)
    try:
        while piece := os.read(terminal, 1024):
            shown += piece
    except OSError:
        pass  # the other end is closed
    _, status = os.waitpid(process, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert sent(setup) == [None, {"pin": "1111"}, {"pin": "2222"}]
    assert b"1111" not in shown
    assert b"2222" not in shown
