"""``homegraph lint``: where the bytes come from, what comes out, and the exit code."""

import io
import json
import sys
from xml.etree import ElementTree as ET

import pytest

from homegraph.cli.app import run
from homegraph.wire.status import Exit

RIGHT = {
    "requestId": "1",
    "payload": {
        "agentUserId": "u",
        "devices": [
            {
                "id": "lamp",
                "type": "action.devices.types.LIGHT",
                "traits": ["action.devices.traits.OnOff"],
                "name": {"name": "Lamp"},
                "willReportState": True,
            }
        ],
    },
}
FINDING = {"rule", "severity", "device_id", "path", "what", "why", "fix", "source"}


@pytest.fixture
def answer(tmp_path):
    """Write an answer; returns its file."""

    def write(document=RIGHT, /, name="sync.json", **device):
        document = json.loads(json.dumps(document))
        if device:
            document["payload"]["devices"][0] |= device
        file = tmp_path / name
        file.write_text(json.dumps(document, indent=2))
        return str(file)

    return write


def test_nothing_wrong_is_said_and_is_success(answer, capsys):
    """One line, exit code 0."""
    assert run(["lint", answer()]) == 0
    assert capsys.readouterr().out.endswith("nothing to complain about.\n")


def test_what_google_refuses_is_exit_code_1(answer, capsys):
    """With the line of the file, and a mark under the value."""
    file = answer(attributes=[])
    assert run(["lint", file]) == 1
    shown = capsys.readouterr().out
    assert "[attributes-not-object]" in shown
    assert f"{file}:16:23" in shown
    assert '"attributes": []\n        |                       ^^' in shown


def test_advice_alone_is_success(answer, capsys):
    """Google takes it, so a build does not fail."""
    assert run(["lint", answer(traits=[])]) == 0
    assert "Google takes it." in capsys.readouterr().out


def test_json_has_every_member_of_every_finding(answer, capsys):
    """The form that programs may rely on."""
    assert run(["lint", answer(attributes=[], room="x"), "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {one["rule"] for one in findings} == {"attributes-not-object", "device-member-unknown"}
    assert all(one.keys() == FINDING for one in findings)


def test_sarif_points_at_the_line(answer, capsys):
    """Rules once, results with their places, as code hosts read it."""
    assert run(["lint", answer(attributes=[], roomHint=" "), "--format", "sarif"]) == 1
    text = capsys.readouterr().out
    (sarif,) = json.loads(text)["runs"]
    result = next(one for one in sarif["results"] if one["level"] == "error")
    rule = sarif["tool"]["driver"]["rules"][result["ruleIndex"]]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert rule["id"] == result["ruleId"] == "attributes-not-object"
    assert rule["helpUri"].endswith("/attributes-not-object.md")
    assert (region["startLine"], region["startColumn"], region["endColumn"]) == (16, 23, 25)
    # What the schema of SARIF 2.1.0 requires of the document and of a result, by hand; it is too large to be kept here.
    document = json.loads(text)
    assert document["version"] == "2.1.0"
    assert sarif["tool"]["driver"]["name"] == "homegraph"
    rules = [one["id"] for one in sarif["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    for one in sarif["results"]:
        assert one["message"]["text"]
        assert one["level"] in {"error", "warning", "note"}
        assert rules[one["ruleIndex"]] == one["ruleId"]


def test_junit_fails_the_device(answer, capsys):
    """A case per device; only what is refused fails it."""
    assert run(["lint", answer(attributes=[], roomHint="\x01 "), "--format", "junit"]) == 1
    suite = ET.fromstring(capsys.readouterr().out).find("testsuite")
    # Jenkins' schema of this format requires these four.
    assert suite.get("name").endswith("sync.json")
    counts = (suite.get("tests"), suite.get("failures"), suite.get("errors"))
    assert counts == ("2", "1", "0")
    assert {one.tag for one in suite} == {"testcase"}
    assert {part.tag for one in suite for part in one} <= {"failure", "system-out"}
    assert suite.find("testcase[@name='lamp']/failure").get("type") == "attributes-not-object"
    assert suite.find("testcase[@name='the answer itself']/failure") is None


def test_stdin_is_read(monkeypatch, capsys):
    """What a pipe brings has no name, and lines all the same."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"payload": 1}')))
    assert run(["lint", "-"]) == 1
    assert "stdin:1:13" in capsys.readouterr().out


def test_states_are_judged_by_the_devices(answer, capsys):
    """With the SYNC answer beside it, an answer to QUERY is more than its form."""
    query = {"requestId": "1", "payload": {"devices": {"lamp": {"online": True, "brightness": 5}}}}
    file = answer(query, name="query.json")
    assert run(["lint", file]) == 0
    assert "nothing" in capsys.readouterr().out
    assert run(["lint", file, "--devices", answer()]) == 0
    assert "[state-unknown]" in capsys.readouterr().out


def test_the_intent_can_be_said(answer, capsys):
    """Where the shape does not tell, or tells wrong."""
    assert run(["lint", answer(), "--intent", "QUERY"]) == 1
    assert "[query-devices-missing]" in capsys.readouterr().out


def test_control_characters_are_shown_not_obeyed(answer, tmp_path, capsys):
    """An answer cannot repaint the reader's terminal: neither by what is read of it nor by its own lines."""
    run(["lint", answer(id="\x1b[2J", type="none")])
    of_a_device = capsys.readouterr().out
    (tmp_path / "raw.json").write_text('{"\x1b[2J')
    run(["lint", str(tmp_path / "raw.json")])
    of_a_line = capsys.readouterr().out
    assert r"(\x1b[2J)" in of_a_device
    assert r'| {"\x1b[2J' in of_a_line
    assert "\x1b" not in of_a_device + of_a_line


@pytest.mark.parametrize("arguments", [[], ["x.json", "--url", "http://127.0.0.1:1"]])
def test_either_a_file_or_a_fulfillment(arguments, capsys):
    """Neither and both are wrong usage."""
    assert run(["lint", *arguments]) == 2
    assert "FILE" in capsys.readouterr().err


def test_half_an_address_is_said_to_be_none(capsys):
    """As a shell leaves it."""
    assert run(["lint", "--url", "http://[::1/smarthome"]) == Exit.UNREACHABLE
    assert "not valid" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_named(capsys):
    """Which file, and why."""
    assert run(["lint", "nowhere.json"]) != 0
    assert "nowhere.json" in capsys.readouterr().err


def test_a_long_line_is_cut_around_the_place(tmp_path, capsys):
    """An answer of one line is what programs write."""
    document = json.loads(json.dumps(RIGHT))
    document["payload"]["devices"] *= 20
    file = tmp_path / "one-line.json"
    file.write_text(json.dumps(document))
    run(["lint", str(file)])
    shown = capsys.readouterr().out.splitlines()
    assert max(map(len, shown)) < 300
    marks = [line for line in shown if line.strip(" |^") == "" and "^" in line]
    lines = [shown[shown.index(mark) - 1] for mark in marks]
    assert marks
    assert all(
        line[mark.index("^") : mark.rindex("^") + 1] == '"lamp"'
        for line, mark in zip(lines, marks, strict=True)
        if '"id"' in line
    )


@pytest.mark.parametrize("option", ["--devices", "--previous"])
def test_a_list_of_devices_that_is_none_is_wrong_usage(option, answer, capsys):
    """Judging by it would accuse the wrong answer."""
    other = answer({"requestId": "1", "payload": {"devices": {}}}, name="query.json")
    assert run(["lint", answer(), option, other]) == 2
    told = capsys.readouterr().err
    assert option in told
    assert "query.json" in told


def test_the_answer_before_tells_what_is_gone(answer, capsys):
    """And what changes without effect, with its line."""
    before = answer(name="before.json")
    assert run(["lint", answer(id="other"), "--previous", before]) == 0
    assert "[devices-shrunk]" in capsys.readouterr().out
    file = answer(name="now.json")
    assert run(["lint", file, "--previous", answer(name="before.json", roomHint="Hall")]) == 0
    assert "[change-without-effect]" in capsys.readouterr().out


def test_a_catalog_of_ones_own(answer, tmp_path, capsys):
    """A trait that nobody else knows is judged by it; a file that is no catalog is named."""
    trait = "action.devices.traits.Steam"
    catalog = tmp_path / "ours.json"
    attribute = {"name": "pressure", "type": "number"}
    catalog.write_text(
        json.dumps({"traits": [{"name": trait, "short": "Steam", "attributes": [attribute]}]})
    )
    file = answer(traits=[trait], attributes={"pressure": "high"})
    assert run(["lint", file]) == 0
    assert "[device-trait-unknown]" in capsys.readouterr().out
    assert run(["lint", file, "--catalog", str(catalog)]) == 1
    assert "[attribute-type]" in capsys.readouterr().out
    catalog.write_text("{")
    assert run(["lint", file, "--catalog", str(catalog)]) == 2
    assert "ours.json" in capsys.readouterr().err


def test_where_json_ends_to_be_json_is_marked(tmp_path, capsys):
    """The line and the column of the mistake, in every form that has lines."""
    file = tmp_path / "broken.json"
    file.write_text('{"requestId": "1",\n "payload": None}')
    assert run(["lint", str(file)]) == 1
    assert f"{file}:2:13" in capsys.readouterr().out
    assert run(["lint", str(file), "--format", "sarif"]) == 1
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert (region["startLine"], region["startColumn"]) == (2, 13)
