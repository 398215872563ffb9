"""The state store by real sockets: what reports leave, what SYNC takes away, and both at once.

What a report changes is a pure decision with tests of its own, and the store has its contract; here is what callers see, and what
is in the database file when everything is over.
"""

import json
import sqlite3
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime

import pytest

from homegraph.graph.model import LinkState
from homegraph.service.clock import SystemClock
from homegraph.service.events import LinkChanged, StatesReported
from homegraph.testing.fulfillment import QUERY, SYNC, Answer, Home, ScriptedFulfillment, lamp
from support.program import Program
from support.served import WAIT_SECONDS, Served, an_integration, settings_in

TRAITS = "action.devices.traits."
ONOFF, BRIGHTNESS = f"{TRAITS}OnOff", f"{TRAITS}Brightness"

ROUNDS = 25
"""Races between reports and SYNCs, with some three SYNCs and as many dozens of reports each."""


@dataclass
class Scene:
    """A cloud, its server, and the cloud's program."""

    cloud: ScriptedFulfillment
    served: Served
    program: Program


def bright(device_id, **members):
    """A lamp that can be dimmed, and may send notifications."""
    both = {"traits": [ONOFF, BRIGHTNESS], "notificationSupportedByAgent": True}
    return lamp(device_id, **{**both, **members})


@contextmanager
def scene(folder, cloud, *, clock=None, **members):
    """Devices of ``user-1``, who is linked; the QUERY brought no states.

    ``lamp`` can be dimmed and notifies; of ``plug`` it is known whether it is on, and of ``orb`` nobody knows what its trait says.
    """
    cloud.home.devices = [bright("lamp"), lamp("plug"), lamp("orb", traits=[f"{TRAITS}Glow"])]
    if not cloud.home.states:
        cloud.answer_query_next(Answer(500))
    settings = settings_in(folder, an_integration(cloud), **members)
    with Served(settings, clock=clock) as served:
        served.until_link(lambda link: link.state is LinkState.LINKED)
        yield Scene(cloud, served, Program(served))


@pytest.fixture
def cloud():
    """A device cloud."""
    with ScriptedFulfillment() as scripted:
        yield scripted


@pytest.fixture
def here(cloud, tmp_path):
    """The scene."""
    with scene(tmp_path, cloud) as made:
        yield made


# --- what a report leaves ----------------------------------------------------------------------------------------------


def test_a_trait_is_replaced_as_a_whole_and_others_keep_what_they_have(here):
    """Merging is by trait, not by key: what a report leaves out of a trait is gone, what it does not mention stays."""
    program = here.program
    complete = {"online": True, "on": True, "brightness": 80}
    assert program.report({"lamp": complete, "plug": {"on": True}}).status == 200

    assert program.states("lamp", "plug") == {"lamp": complete, "plug": {"on": True}}

    program.report({"lamp": {"brightness": 5}})

    assert program.states("lamp", "plug") == {
        "lamp": {"online": True, "on": True, "brightness": 5},
        "plug": {"on": True},
    }

    program.report({"lamp": {"online": False}, "plug": {"on": False}})

    assert program.states("lamp", "plug") == {
        "lamp": {"online": False, "on": True, "brightness": 5},
        "plug": {"on": False},
    }


def test_an_answer_has_its_states_in_alphabetical_order(here):
    """Whatever the order of the reports was, the bytes are those that Google writes."""
    here.program.report({"lamp": {"online": True, "on": True, "brightness": 1}})

    body = here.program.query("lamp").body.decode()

    assert body.index('"brightness"') < body.index('"on"') < body.index('"online"')


@pytest.mark.parametrize(
    "value", [0, -1, 2**63, 2**64 - 1, 1.5, -0.0, 1e300, "", "ä\n\u2028", [], {}]
)
def test_a_value_comes_back_as_it_was_reported(here, value):
    """Numbers keep their kind, texts their characters; nothing is rounded on the way."""
    here.program.report({"orb": {"glow": value, "sheen": {"inner": [value]}}})

    found = here.program.states("orb")["orb"]

    assert found == {"glow": value, "sheen": {"inner": [value]}}
    assert type(found["glow"]) is type(value)


REFUSED = {
    "STATE_NULL": ({"lamp": {"on": None}}, 'payload.devices.states["lamp"].on'),
    "STATE_KEY_FOREIGN": ({"lamp": {"status": "SUCCESS"}}, 'payload.devices.states["lamp"].status'),
    "STATE_OF_UNDECLARED_TRAIT": (
        {"plug": {"brightness": 3}},
        'payload.devices.states["plug"].brightness',
    ),
    "STATE_TYPE_WRONG": ({"plug": {"on": 1}}, 'payload.devices.states["plug"].on'),
    "STATE_OUT_OF_RANGE": (
        {"lamp": {"on": True, "brightness": 101}},
        'payload.devices.states["lamp"].brightness',
    ),
    "STATE_NOT_OBJECT": ({"lamp": True}, 'payload.devices.states["lamp"]'),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_wrong_report_is_refused_as_a_whole_and_says_where(here, reason):
    """400 with the field's path; of the good devices beside it nothing is stored, either."""
    wrong, field = REFUSED[reason]
    before = {"lamp": {"on": True}, "plug": {"on": True}}
    here.program.report(before)
    good = {"lamp": {"on": False}, "plug": {"on": False}}

    answer = here.program.report({**good, **wrong})

    assert (answer.status, answer.reason) == (400, reason)
    details = answer.json["error"]["details"]
    (violations,) = [one["fieldViolations"] for one in details if "fieldViolations" in one]
    assert [one["field"] for one in violations] == [field]
    assert here.program.states("lamp", "plug") == before


def test_without_explanation_no_field_is_named(cloud, tmp_path):
    """With ``explain = false`` every mistake of states is answered with the same bytes, and stores as little."""
    with scene(tmp_path, cloud, explain=False) as here:
        before = {"lamp": {"on": True}, "plug": {"on": True}}
        here.program.report(before)
        answers = [
            here.program.report({"lamp": {"on": False}, **wrong}) for wrong, _ in REFUSED.values()
        ]

        assert all(one.json == answers[0].json and one.status == 400 for one in answers)
        error = answers[0].json["error"]
        assert error.keys() == {"code", "message", "status"}
        assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
        assert here.program.states("lamp", "plug") == before


def test_attributes_of_the_last_sync_narrow_what_may_be_reported(cloud, tmp_path):
    """A color that other lamps have is out of this one's bounds."""
    with scene(tmp_path, cloud) as here:
        warm = {"colorTemperatureRange": {"temperatureMinK": 2000, "temperatureMaxK": 3000}}
        traits = [f"{TRAITS}ColorSetting"]
        cloud.home.devices = [lamp("orb", traits=traits, attributes=warm)]
        here.program.sync()
        answer = here.program.report({"orb": {"color": {"temperatureK": 4000}}})

        assert (answer.status, answer.reason) == (400, "STATE_OUT_OF_RANGE")
        assert here.program.report({"orb": {"color": {"temperatureK": 3000}}}).status == 200

        # Seen at Google: Domoticz-Google-Assistant #253.
        empty = here.program.report({"orb": {"color": {}}})
        assert (empty.status, empty.reason) == (400, "STATE_EMPTY")
        assert here.program.states("orb") == {"orb": {"color": {"temperatureK": 3000}}}


def test_every_mistake_of_a_report_is_named(here):
    """Not only the first: who sends nulls sends many."""
    answer = here.program.report({"lamp": {"on": None, "brightness": None, "errorCode": "x"}})

    details = answer.json["error"]["details"]
    (violations,) = [one["fieldViolations"] for one in details if "fieldViolations" in one]
    assert [one["field"].rpartition(".")[2] for one in violations] == [
        "on",
        "brightness",
        "errorCode",
    ]


@pytest.mark.parametrize(
    "report",
    [
        {"states": {"plug": {"on": False}, "fridge": {"online": True}}},
        {"states": {"plug": {"on": False}}, "notifications": {"fridge": {"RunCycle": {}}}},
    ],
)
def test_one_unknown_device_refuses_the_whole_report(here, report):
    """404, and nothing of it is stored."""
    here.program.report({"plug": {"on": True}})

    answer = here.program.report(**report)

    assert (answer.status, answer.reason) == (404, "DEVICE_UNKNOWN")
    assert here.program.states("plug") == {"plug": {"on": True}}


def test_ten_unknown_devices_are_named(here):
    """A caller who has made the same mistake with all of them needs no more."""
    answer = here.program.report({f"fridge-{number:02}": {"on": True} for number in range(12)})
    (told,) = [one for one in answer.json["error"]["details"] if one.get("domain") == "homegraph"]

    assert told["metadata"]["devices"] == ", ".join(f"fridge-{number:02}" for number in range(10))


def test_whose_devices_they_are_counts(cloud, tmp_path):
    """The same device id of another agent user is another device; a stranger's id is unknown."""
    cloud.homes["token-2"] = Home("user-2", [lamp("plug")])
    with scene(tmp_path, cloud) as here:
        program = here.program
        program.report({"plug": {"on": True}})

        assert program.report({"plug": {"on": False}}, user="user-2").status == 404
        assert program.query("plug", user="user-2").status == 404
        assert program.states("plug") == {"plug": {"on": True}}


def test_a_query_names_what_it_asks_for(here):
    """Only the devices asked for; one that is not here refuses the whole call; a device without states has none."""
    program = here.program
    program.report({"lamp": {"on": True}})

    assert program.states("plug") == {"plug": {}}
    assert program.states("plug", "lamp", "lamp") == {"plug": {}, "lamp": {"on": True}}
    missing = program.query("lamp", "fridge")
    assert (missing.status, missing.reason) == (404, "DEVICE_NOT_FOUND")


def test_notifications_are_kept_beside_and_announced(here):
    """A notification is no state; the device must have declared that it sends them."""
    heard = []
    here.served.house.events.subscribe(heard.append)
    note = {"lamp": {"ObjectDetection": {"priority": 0, "detectionTimestamp": 1}}}

    accepted = here.program.report({"plug": {"on": True}}, notifications=note)
    silent = here.program.report(notifications={"plug": {"RunCycle": {"priority": 0}}})

    assert accepted.status == 200
    assert (silent.status, silent.reason) == (400, "NOTIFICATION_NOT_SUPPORTED")
    assert [event for event in heard if isinstance(event, StatesReported)] == [
        StatesReported("acme", "user-1", ("plug",), notifications=1)
    ]
    assert here.program.states("lamp", "plug") == {"lamp": {}, "plug": {"on": True}}


def test_home_traits_are_kept_as_they_came(here):
    """The addition of 2025 has no place among the states; nothing of it is lost, and no device need be known."""
    traits = [{"deviceId": "lamp", "components": [{"componentId": "c", "traitData": []}]}]

    answer = here.program.report(homeTraits=traits, homeEvents=[{"deviceId": "new"}])

    kept = here.served.do(here.served.house.store.notifications("acme", "user-1", limit=2))
    assert answer.status == 200
    assert {one.trait: json.loads(one.body) for one in kept} == {
        "homeTraits": {"homeTraits": traits},
        "homeEvents": {"homeEvents": [{"deviceId": "new"}]},
    }


def test_the_time_of_a_commit_is_by_trait(here):
    """Metadata has when each trait was last committed; a trait without a state has no time."""
    clock = here.served.house.clock
    start = clock.now()
    here.program.report({"lamp": {"online": True, "on": True}})
    between = clock.now()
    here.program.report({"lamp": {"on": False}})

    answer = here.program.query("lamp", "plug", includeDeviceMetadata=True).json["payload"]

    stamps = answer["deviceMetadata"]["lamp"]["traitCommitTimestamps"]
    at = {trait: datetime.fromisoformat(text).timestamp() for trait, text in stamps.items()}
    assert set(at) == {"online", ONOFF}
    millisecond = 0.001
    assert start - millisecond <= at["online"] <= between
    assert between - millisecond <= at[ONOFF] <= clock.now()
    assert all(text.endswith("Z") for text in stamps.values())
    assert answer["devices"] == {"lamp": {"online": True, "on": False}, "plug": {}}
    assert "deviceMetadata" not in here.program.query("lamp").json["payload"]


# --- SYNC and the first QUERY ------------------------------------------------------------------------------------------


def test_the_first_query_fills_the_states(cloud, tmp_path):
    """After linking the fulfillment is asked once; what it says of declared traits is there, the words of QUERY are not."""
    cloud.home.states = {
        "lamp": {"on": True, "brightness": 7, "online": True, "unheardOf": 1},
        "plug": {"status": "OFFLINE", "online": False},
    }
    with scene(tmp_path, cloud) as here:
        assert here.program.states("lamp", "plug") == {
            "lamp": {"on": True, "brightness": 7, "online": True},
            "plug": {"online": False},
        }
        here.program.sync()

        (query,) = cloud.intents(QUERY)
        asked = query.body["inputs"][0]["payload"]["devices"]
        assert [one["id"] for one in asked] == ["lamp", "plug", "orb"]


@pytest.mark.parametrize("answer", [Answer(500), Answer(200, b"{}"), Answer(200, b"nonsense")])
def test_an_account_is_linked_although_its_first_query_fails(cloud, tmp_path, answer):
    """States are unknown until they are reported; nothing else is missing."""
    cloud.answer_query_next(answer)
    cloud.home.states = {"lamp": {"on": True}}
    with scene(tmp_path, cloud) as here:
        assert here.program.states("lamp") == {"lamp": {}}
        assert here.program.report({"lamp": {"on": True}}).status == 200


class LaterClock(SystemClock):
    """The machine's clock, put forward by a test."""

    ahead = 0.0

    def now(self):
        return super().now() + self.ahead


def test_a_young_link_takes_no_reports_until_it_has_settled(cloud, tmp_path):
    """With settle_seconds reports get 404 for so long, as at Google; what the first QUERY brought can be asked for."""
    cloud.home.states = {"lamp": {"on": True}}
    clock = LaterClock()
    with scene(tmp_path, cloud, clock=clock, settle_seconds=600.0) as here:
        young = here.program.report({"lamp": {"on": False}})
        stored = here.program.states("lamp")
        clock.ahead = 500.0
        almost = here.program.report({"lamp": {"on": False}})
        clock.ahead = 601.0
        old = here.program.report({"lamp": {"on": False}})

        assert (young.status, young.reason) == (404, "AGENT_USER_SETTLING")
        assert stored == {"lamp": {"on": True, "online": True}}
        assert almost.reason == "AGENT_USER_SETTLING"
        assert old.status == 200
        assert here.program.states("lamp") == {"lamp": {"on": False, "online": True}}


def test_states_go_with_their_device_and_do_not_come_back(here):
    """A device that SYNC leaves out is unknown; when it comes back, it is a new one."""
    program, home = here.program, here.cloud.home
    program.report({"plug": {"on": True}, "lamp": {"on": True, "brightness": 3}})
    home.devices = [bright("lamp")]
    program.sync()

    assert program.report({"plug": {"on": True}}).status == 404
    assert program.query("plug").status == 404
    home.devices = [bright("lamp"), lamp("plug")]
    program.sync()
    assert program.states("plug", "lamp") == {"plug": {}, "lamp": {"on": True, "brightness": 3}}


def test_states_go_with_their_trait(here):
    """A trait that a device does not declare any more has no state; the others keep theirs."""
    program, home = here.program, here.cloud.home
    program.report({"lamp": {"online": True, "on": True, "brightness": 3}})
    home.devices = [lamp("lamp"), lamp("plug")]
    program.sync()

    assert program.states("lamp") == {"lamp": {"online": True, "on": True}}
    assert program.report({"lamp": {"brightness": 4}}).reason == "STATE_OF_UNDECLARED_TRAIT"


def test_a_deleted_agent_user_leaves_nothing(here):
    """Its states are gone with it, and so is everything else that the developer can ask for."""
    program, heard = here.program, []
    program.report({"plug": {"on": True}})

    with here.served.house.events.listening(heard.append):
        answer = here.served.send("DELETE", "/v1/agentUsers/user-1", headers=program._headers)

    assert answer.body == b"{}\n"
    assert heard == [LinkChanged("acme", "ann", LinkState.UNLINKED, "")]
    for answer in (
        program.query("plug"),
        program.call("sync"),
        program.report({"plug": {"on": True}}),
        program.call("requestSync"),
    ):
        assert (answer.status, answer.reason) == (404, "AGENT_USER_UNLINKED")


def test_who_waits_for_a_sync_of_a_deleted_agent_user_is_told(here):
    """At once: no run will answer him."""
    hold = threading.Event()
    before = len(here.cloud.intents(SYNC))
    here.cloud.answer_next(Answer(hold=hold))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(here.served.request_sync)
        here.cloud.wait_for(before + 1)
        here.served.send("DELETE", "/v1/agentUsers/user-1", headers=here.program._headers)
        answer = waiting.result(10)
        hold.set()

    assert (answer.status, answer.reason) == (404, "AGENT_USER_UNLINKED")


# --- at the same time --------------------------------------------------------------------------------------------------


class Talkative(ScriptedFulfillment):
    """A device cloud that does something from inside its handlers, before it answers."""

    def __init__(self):
        super().__init__()
        self.inside = {}
        """By intent, what is to be done."""

    def take(self, path, headers, raw):
        """Carry out what the test has asked for, in the thread of this very call."""
        for intent, act in list(self.inside.items()):
            if intent.encode() in raw:
                act()
        return super().take(path, headers, raw)


def test_reports_from_inside_a_handler_are_answered(tmp_path):
    """SYNC waits for its handler, and the handler for its report: nobody waits for ever, and the report is stored."""
    with Talkative() as cloud, scene(tmp_path, cloud) as here:
        answers = []
        cloud.inside[SYNC] = lambda: answers.append(
            (here.program.report({"lamp": {"on": True}}).status, here.program.states("lamp"))
        )

        here.program.sync()
        assert here.served.request_sync(**{"async": True}).status == 200
        cloud.wait_for(3)
        here.served.until(_idle)

        assert answers == [(200, {"lamp": {"on": True}})] * 2


def test_reports_from_inside_the_first_handlers_are_answered(tmp_path):
    """While an account is being linked nobody is known yet: the answer is 404, and it comes at once."""
    with Talkative() as cloud:
        cloud.home.devices = [lamp("plug")]
        told, ready = [], threading.Event()
        served = Served(settings_in(tmp_path, an_integration(cloud)))

        def act():
            ready.wait(WAIT_SECONDS)
            told.append(Program(served).report({"plug": {"on": True}}).status)

        cloud.inside = {SYNC: act, QUERY: act}
        with served:
            ready.set()
            served.until_link(lambda link: link.state is LinkState.LINKED)
            assert Program(served).report({"plug": {"on": True}}).status == 200

        assert told == [404, 404]


def test_reports_race_with_syncs_that_remove_the_device(cloud, tmp_path):
    """Device and trait come and go while both are reported: every answer is yes or no, and nothing is left over."""
    database = tmp_path / "home.db"
    some, both = [lamp("lamp")], [bright("lamp"), lamp("plug")]
    seen = Counter()
    with (
        scene(tmp_path, cloud, database=f"sqlite:{database}") as here,
        ThreadPoolExecutor(3) as pool,
    ):
        program, home = here.program, here.cloud.home
        for _ in range(ROUNDS):
            over = threading.Event()
            reporters = [
                pool.submit(_report_until, program, over, states)
                for states in (
                    {"plug": {"on": True}},
                    {"lamp": {"on": True, "brightness": 9}},
                    {"plug": {"online": True}, "lamp": {"online": True}},
                )
            ]
            for devices in (some, both, some):
                home.devices = devices
                program.sync()
            over.set()
            seen += sum((one.result() for one in reporters), Counter())

            assert program.query("plug").status == 404
            assert "brightness" not in program.states("lamp")["lamp"]
            home.devices = both
            program.sync()
            assert program.states("plug") == {"plug": {}}
        home.devices = some
        program.sync()

    assert set(seen) == {200, 400, 404}, seen
    assert _left_over(database) == []
    assert _miscounted(database) == []


def _report_until(program, over, states):
    """Report again and again; returns how often each status came back."""
    seen = Counter()
    while not over.is_set():
        seen[program.report(states).status] += 1
    return seen


async def _idle(house):
    counts = await house.store.counts()
    return counts.waiting == counts.running == 0


def _left_over(database):
    """States in the file whose trait is not the device's."""
    return _rows(
        database,
        """
        SELECT r.device, t.key FROM reported AS r, json_each(CAST(r.states AS TEXT)) AS t
        WHERE t.key <> 'online' AND t.key NOT IN (SELECT value FROM json_each(r.traits))
        """,
    )


def _miscounted(database):
    """Agent users in the file who have another number of states than is written beside them."""
    return _rows(
        database,
        """
        SELECT u.agent_user_id FROM agent_user AS u WHERE u.state_count <> (
          SELECT count(*) FROM device AS d JOIN reported AS r ON r.device = d.id, json_each(CAST(r.states AS TEXT))
          WHERE d.project_id = u.project_id AND d.agent_user_id = u.agent_user_id
        )
        """,
    )


def _rows(database, statement):
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as file:
        return file.execute(statement).fetchall()
