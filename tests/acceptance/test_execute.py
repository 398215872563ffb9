"""``homegraph execute`` as a process: a lamp by its name, and a lock that wants a PIN."""

import json
import os
import pty
import subprocess
import sys

import pytest

from homegraph.testing.fulfillment import EXECUTE, Answer, lamp
from support.google import access_token_for
from support.homes import Setup

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


def test_words_that_name_no_device(setup):
    """It is said before anybody is asked, and how a device is named whose id looks like a parameter."""
    done = subprocess.run(
        command(setup, "on=true"), capture_output=True, timeout=SECONDS, check=False
    )

    assert done.returncode == 2
    assert b"no device is named" in done.stderr
    assert sent(setup) == []


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


def on_a_terminal(setup, pins):
    """Unlock the lamp and type these when a PIN is asked for; the exit code, and what was shown."""
    process, terminal = pty.fork()
    if process == 0:  # pragma: no cover  # the command itself
        line = command(setup, "lamp", "on=true")
        os.execv(line[0], line)
    shown = b""
    for prompt, typed in zip((b"PIN: ", *[b"wrong PIN, again: "] * 9), pins, strict=False):
        seen = len(shown)
        while not shown[seen:].endswith(prompt):
            shown += os.read(terminal, 1024)
        os.write(terminal, b"%b\n" % typed)
    try:
        while piece := os.read(terminal, 1024):
            shown += piece
    except OSError:
        pass  # the other end is closed
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), shown


def test_a_terminal_is_asked_for_the_pin_without_echo(setup):
    """A wrong one is asked for again; what is typed is neither shown nor kept."""
    setup.cloud.answer_execute_next(challenge("pinNeeded"), challenge("challengeFailedPinNeeded"))
    code, shown = on_a_terminal(setup, (b"1111", b"2222"))
    errands = setup.server.show("runs", "errands")["errands"]
    kept = [setup.server.show("runs", "show", one["id"]) for one in errands]

    assert code == 0
    assert sent(setup) == [None, {"pin": "1111"}, {"pin": "2222"}]
    assert len(errands) == 3
    assert [
        one for one in ("1111", "2222") if one in shown.decode() or one in json.dumps(kept)
    ] == []


def test_nobody_is_asked_for_ever(setup):
    """After three wrong PINs the command ends: locks count, too."""
    setup.cloud.answer_execute_next(
        challenge("pinNeeded"), *[challenge("challengeFailedPinNeeded")] * 9
    )
    code, _ = on_a_terminal(setup, (b"1111", b"2222", b"3333"))

    assert code == 1
    assert len(sent(setup)) == 4


@pytest.mark.parametrize(("status", "code"), [("SUCCESS", 0), ("FAILURE", 1)])
def test_what_is_told_later_is_waited_for(cloud, start, status, code):
    """The lock says PENDING, and sends the token back with the result: the command ends with it, and the errand has it."""
    traits = {"traits": ["action.devices.traits.LockUnlock"], "notificationSupportedByAgent": True}
    cloud.home.devices = [lamp("lock", **traits)]
    setup = Setup.up(cloud, start)
    key_file = setup.server.admin_post("service-accounts", project="acme")["key_file"]
    token = access_token_for(key_file)
    pending = {"payload": {"commands": [{"ids": ["lock"], "status": "PENDING"}]}}
    cloud.answer_execute_next(Answer(body=json.dumps(pending).encode()))
    process = subprocess.Popen(
        command(setup, "lock", "lock=true", "--wait-follow-up", "30s"), stdout=subprocess.PIPE
    )
    (call,) = cloud.wait_for(1, EXECUTE)
    params = call.body["inputs"][0]["payload"]["commands"][0]["execution"][0]["params"]
    response = {"status": status, "followUpToken": params["followUpToken"]}
    notified = {"lock": {"LockUnlock": {"priority": 0, "followUpResponse": response}}}
    body = {"agentUserId": "user-1", "payload": {"devices": {"notifications": notified}}}
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    path = "/v1/devices:reportStateAndNotification"
    assert setup.server.call(json.dumps(body), path=path, headers=headers).status == 200
    out, _ = process.communicate(timeout=SECONDS)
    told = json.loads(out)

    assert process.returncode == code
    assert [(one["device_id"], one["status"]) for one in told["follow_ups"]] == [("lock", status)]
    shown = setup.server.cli("runs", "show", told["id"]).out
    assert f"lock: follow-up {status} at " in shown
