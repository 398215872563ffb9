"""Live QUERYs, and what the server says of the QUERY after a first SYNC, by real sockets."""

import json

import pytest

from homegraph.service.clock import SystemClock
from homegraph.service.events import Queried
from homegraph.settings.projects import LinkSettings
from homegraph.settings.secret import Secret
from homegraph.testing.clock import ManualClock
from homegraph.testing.fulfillment import QUERY, Answer, Home, ScriptedFulfillment, lamp
from support.program import Program
from support.served import Served, an_integration, settings_in

LAMP = lamp("lamp", "Lamp", roomHint="Kitchen", customData={"z": 1, "a": 2}, willReportState=True)


@pytest.fixture
def cloud():
    """A device cloud with two lamps."""
    with ScriptedFulfillment() as scripted:
        scripted.homes["token-1"] = Home(
            devices=[LAMP, lamp("other")],
            states={"lamp": {"on": False}, "other": {"on": False}},
        )
        yield scripted


@pytest.fixture
def clock():
    """Time stands still, where it is: tokens are asked for by a library that has its own clock."""
    return ManualClock(SystemClock().now())


@pytest.fixture
def served(cloud, clock, tmp_path):
    """A server with a linked user, whose lamps were off at the first QUERY."""
    with Served(settings_in(tmp_path, an_integration(cloud)), clock) as running:
        running.until_link(lambda link: link.agent_user_id)
        yield running


def query(served, *devices, **members):
    """Call the admin API."""
    asked = {"project": "acme", "agent_user": "user-1", "devices": devices}
    return served.admin("POST", "query", **asked, **members)


def test_what_comes_is_shown_beside_what_is_stored(served, cloud):
    """By its name, with customData; where the two differ it is said, and nothing of the answer is stored."""
    cloud.home.states["lamp"] = {"on": True}
    answer = query(served, "kitchen lamp", "other").json
    lamp_, other = answer["devices"]

    assert answer["ok"]
    assert cloud.intents(QUERY)[-1].raw == (
        b'{"inputs":[{"intent":"action.devices.QUERY","payload":{"devices":['
        b'{"customData":{"z":1,"a":2},"id":"lamp"},{"id":"other"}]}}],"requestId":"%b"}'
        % cloud.intents(QUERY)[-1].body["requestId"].encode()
    )
    assert lamp_["states"] == {"online": True, "on": True}
    assert lamp_["stored"] == {"online": True, "on": False}
    assert (lamp_["differs"], other["differs"]) == (["on"], [])
    assert [(one["rule"], one["path"]) for one in answer["findings"]] == [
        ("query-disagrees", "/payload/devices/lamp/on")
    ]
    assert Program(served).states("lamp") == {"lamp": {"online": True, "on": False}}


def test_who_listens_hears_of_it(served, cloud):
    """Which devices were asked, which gave no answer, and which said something else than is stored."""
    devices = {"lamp": {"status": "SUCCESS", "online": True, "on": True}}
    cloud.answer_query_next(Answer(body=json.dumps({"payload": {"devices": devices}}).encode()))
    heard = []
    with served.house.events.listening(heard.append):
        query(served, "kitchen lamp", "other")

    assert [event for event in heard if isinstance(event, Queried)] == [
        Queried("acme", "user-1", ("lamp", "other"), failed=("other",), differing=("lamp",))
    ]


def test_a_report_before_the_answer_counts(served, cloud):
    """It is the fulfillment's last word when the two are compared."""
    cloud.home.states["lamp"] = {"on": True}
    Program(served).report({"lamp": {"on": True, "online": True}})

    assert query(served, "lamp").json["devices"][0]["differs"] == []


def test_a_device_that_promised_reports_and_has_none_is_named(served, clock):
    """A minute after its SYNC, and until the first report."""

    def rules():
        return [one["rule"] for one in query(served, "lamp", "other").json["findings"]]

    assert rules() == []
    clock.advance(60)
    assert rules() == ["report-never"]
    Program(served).report({"lamp": {"on": False, "online": True}})
    assert rules() == []


def reports(served):
    """What the doctor says of reports."""
    checks = served.admin("GET", "doctor").json["checks"]
    return [(one["ok"], one["detail"]) for one in checks if one["name"] == "reports of acme"]


def test_doctor_says_that_nobody_reports(served, cloud, clock):
    """A minute after the SYNC, and until any device is reported; those that promised nothing do not count."""
    cloud.home.devices = [LAMP, {**LAMP, "id": "lamp-2"}, lamp("other")]
    served.request_sync()
    promise = "devices with willReportState"
    assert reports(served) == [
        (True, "of no device with willReportState a first report is overdue")
    ]
    clock.advance(60)
    assert reports(served) == [(False, f"2 of 2 {promise} were never reported: lamp, lamp-2")]
    Program(served).report({"lamp": {"on": False, "online": True}})
    assert reports(served) == [(True, f"1 of 2 {promise} were never reported: lamp-2")]


def test_doctor_names_a_few_of_many_that_nobody_reports(served, cloud, clock):
    """Five, and that there are more."""
    cloud.home.devices += [{**LAMP, "id": f"lamp-{number}"} for number in range(1, 7)]
    served.request_sync()
    clock.advance(60)
    ((ok, detail),) = reports(served)
    assert not ok
    assert detail.endswith("reported: lamp, lamp-1, lamp-2, lamp-3, lamp-4, …")


@pytest.fixture
def two_homes(cloud, clock, tmp_path):
    """A server with two linked users, each with a home of his own."""
    cloud.homes["token-2"] = Home("user-2", [LAMP])
    links = (LinkSettings("ann", Secret("token-1")), LinkSettings("bob", Secret("token-2")))
    with Served(settings_in(tmp_path, an_integration(cloud, links=links)), clock) as running:
        for user in ("ann", "bob"):
            running.until_link(lambda link: link.agent_user_id, user=user)
        yield running


def test_doctor_looks_at_a_few_homes(two_homes, clock, monkeypatch):
    """A project may have a million; they share its code, so a few tell whether it reports."""
    monkeypatch.setattr("homegraph.service.promises.HOMES_LOOKED_AT_MAX", 1)
    clock.advance(60)
    ((ok, detail),) = reports(two_homes)
    assert not ok
    assert detail.startswith("1 of 1 devices")


def test_doctor_names_a_few_of_many_links_with_a_problem(two_homes, cloud, monkeypatch):
    """And says how many there are besides."""
    monkeypatch.setattr("homegraph.service.doctor.NAMED_MAX", 1)
    cloud.homes.clear()
    for number in (1, 2):
        two_homes.request_sync(f"user-{number}")

    checks = two_homes.admin("GET", "doctor").json["checks"]
    told = [one["detail"] for one in checks if one["name"].startswith("link")]
    assert len(told) == 3
    assert (told[0], told[2]) == ("0 without a problem", "1 more with a problem")


def test_a_device_without_an_answer_and_one_with_an_error(served, cloud):
    """Each has its own result, and the findings name them."""
    body = {
        "requestId": "1",
        "payload": {"devices": {"lamp": {"status": "ERROR", "errorCode": "x"}}},
    }
    cloud.answer_query_next(Answer(body=json.dumps(body).encode()))
    answer = query(served, "lamp", "other").json

    assert not answer["ok"]
    assert [(one["status"], one["error_code"]) for one in answer["devices"]] == [
        ("ERROR", "x"),
        ("ERROR", ""),
    ]
    assert "query-device-missing" in {one["rule"] for one in answer["findings"]}


def test_a_fulfillment_that_fails_is_told_and_kept(served, cloud):
    """What is stored is shown nowhere then; the exchange is in the journal."""
    cloud.answer_query_next(Answer(status=404, body=b"gone"))
    answer = query(served, "lamp").json
    kept = served.admin("GET", f"errand?id={answer['id']}").json

    assert not answer["ok"]
    assert answer["devices"][0]["reason"] == answer["reason"] == "FULFILLMENT_REFUSED"
    assert answer["explanation"]["fix"]
    assert kept["exchanges"][0]["response"]["body"] == "gone"


@pytest.mark.parametrize(
    ("members", "status", "says"),
    [
        ({"devices": ["nothing"]}, 404, "There is no device 'nothing'."),
        ({"user": "nobody"}, 404, "User 'nobody' has no link"),
        ({"agent_user": "nobody"}, 404, "There is no linked agent user"),
        ({"devices": []}, 400, "devices: "),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(served, cloud, members, status, says):
    """With what is wrong in words; nothing is kept of it."""
    before = len(cloud.intents(QUERY))
    asked = {"project": "acme", "agent_user": "user-1", "devices": ["lamp"]}
    answer = served.admin("POST", "query", **{**asked, **members})

    assert answer.status == status
    assert answer.json["error"]["message"].startswith(says)
    assert len(cloud.intents(QUERY)) == before
    assert served.admin("GET", "errands").json["errands"] == []


def test_the_first_query_is_checked(cloud, tmp_path):
    """What is wrong with its answer is a finding of the run; what can be understood is taken."""
    cloud.home.states["lamp"] = {"on": "yes"}
    cloud.home.states["other"] = {"on": True, "brightness": 3}
    with Served(settings_in(tmp_path, an_integration(cloud))) as served:
        served.until_link(lambda link: link.agent_user_id)
        (run,) = served.admin("GET", "runs").json["runs"]
        findings = served.admin("GET", f"run?id={run['id']}").json["findings"]
        states = Program(served).states("other")

    told = {(one["rule"], one["path"]) for one in findings if one["path"].startswith("/payload/d")}
    assert ("state-type", "/payload/devices/lamp/on") in told
    assert ("state-unknown", "/payload/devices/other/brightness") in told
    assert states == {"other": {"online": True, "on": True}}
