"""What a state report changes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.graph.reporting import (
    VIOLATIONS_MAX,
    ReportedDevice,
    Rule,
    TraitState,
    decide,
    kept,
    last_stored,
    malformed,
    queried,
)
from homegraph.graph.state_checks import checker
from homegraph.wire.catalog.book import builtin, state_keys

KEYS = {"OnOff": frozenset({"on"}), "Brightness": frozenset({"brightness"})}
CHECK = checker(builtin())
RULE = Rule(state_keys, CHECK)
LAMP = ReportedDevice(("OnOff", "Brightness"), notifies=True)
SILENT = ReportedDevice(("OnOff",))


def decided(states, notifications=None, **devices):
    """The verdict on a report about a lamp that may notify, a silent switch, and whatever else is given."""
    here = {"lamp": LAMP, "switch": SILENT, **devices}
    return decide(here, states, notifications or {}, rule=Rule(KEYS.get, CHECK), now=7.0)


def test_states_are_sorted_into_their_traits():
    """Each mentioned trait becomes a row with its whole state; online is a row of its own."""
    verdict = decided({"lamp": {"on": True, "online": True, "brightness": 40}})

    assert verdict.is_accepted
    assert set(verdict.rows) == {
        TraitState("lamp", "OnOff", b'{"on":true}', 7.0),
        TraitState("lamp", "online", b'{"online":true}', 7.0),
        TraitState("lamp", "Brightness", b'{"brightness":40}', 7.0),
    }


def test_a_trait_that_is_not_mentioned_has_no_row():
    """What a report leaves out keeps what it has."""
    assert [row.trait for row in decided({"lamp": {"on": False}}).rows] == ["OnOff"]


def test_an_unknown_device_refuses_the_whole_report():
    """Also when only a notification names it; all unknown ids are told, in order."""
    verdict = decided({"lamp": {"on": True}, "ghost": {"on": True}}, {"elf": {}})

    assert verdict.unknown == ("elf", "ghost")
    assert not verdict.is_accepted
    assert verdict.rows == ()


def test_a_state_of_an_undeclared_trait_is_refused_with_its_path():
    """A switch has no brightness."""
    verdict = decided({"switch": {"on": True, "brightness": 40}})

    (violation,) = verdict.violations
    assert violation.code == "STATE_OF_UNDECLARED_TRAIT"
    assert violation.field == 'payload.devices.states["switch"].brightness'
    assert verdict.rows == ()


def test_a_trait_that_the_catalog_does_not_know_may_report_anything():
    """Google adds traits; a device that declared one may report what we cannot check."""
    verdict = decided({"new": {"glow": 3, "on": True}}, new=ReportedDevice(("OnOff", "Glow")))

    assert {row.trait: row.state for row in verdict.rows} == {
        "Glow": b'{"glow":3}',
        "OnOff": b'{"on":true}',
    }


def test_states_of_one_trait_stand_together():
    """Also with one of another trait between them."""
    device = ReportedDevice(("OnOff", "Glow"))
    verdict = decided({"new": {"glow": 3, "on": True, "hue": 7}}, new=device)

    assert {row.trait: row.state for row in verdict.rows} == {
        "Glow": b'{"glow":3,"hue":7}',
        "OnOff": b'{"on":true}',
    }


TRAIT = "action.devices.traits."


@pytest.mark.parametrize(
    ("trait", "attributes", "state", "code", "field"),
    [
        ("OnOff", b"", {"on": "yes"}, "STATE_TYPE_WRONG", "on"),
        ("OnOff", b"", {"on": True, "online": 1}, "STATE_TYPE_WRONG", "online"),
        ("OpenClose", b"", {"openPercent": 120}, "STATE_OUT_OF_RANGE", "openPercent"),
        ("TemperatureSetting", b"", {"thermostatMode": "warm"}, "STATE_WORD_UNKNOWN", "thermostatMode"),
        (
            "ColorSetting",
            b'{"colorTemperatureRange":{"temperatureMinK":2000,"temperatureMaxK":6500}}',
            {"color": {"temperatureK": 9000}},
            "STATE_OUT_OF_RANGE",
            "color.temperatureK",
        ),
        (
            "OpenClose",
            b'{"openDirection":["UP","DOWN"]}',
            {"openState": [{"openPercent": 50, "openDirection": "UP"}, {"openPercent": 101}]},
            "STATE_OUT_OF_RANGE",
            "openState[1].openPercent",
        ),
        ("ColorSetting", b'{"colorModel":"rgb"}', {"color": {}}, "STATE_EMPTY", "color"),
    ],
)  # fmt: skip
def test_what_a_state_may_not_hold(trait, attributes, state, code, field):
    """Type, word and bounds, which the attributes may narrow; the path leads to the very value."""
    device = ReportedDevice((TRAIT + trait,), attributes=attributes)
    verdict = decide({"it": device}, {"it": state}, {}, rule=RULE, now=7.0)

    violation = verdict.violations[0]
    assert (violation.code, violation.field) == (code, f'payload.devices.states["it"].{field}')
    assert verdict.rows == ()


@pytest.mark.parametrize(
    ("trait", "attributes", "state"),
    [
        ("StartStop", b"", {"isRunning": True}),
        ("TemperatureSetting", b"", {"thermostatMode": "heat"}),
        ("TemperatureSetting", b'{"availableThermostatModes":["off"]}', {"thermostatMode": "cool"}),
        ("OnOff", b'{"commandOnlyOnOff":true}', {"on": True}),
        ("OpenClose", b"", {"targetOpenPercent": 5}),
        (
            "ColorSetting",
            b'{"colorModel":"rgb"}',
            {"color": {"spectrumRgb": 1, "temperatureK": 2700}},
        ),
        ("ColorSetting", b'{"colorModel":"rgb"}', {"color": {"spectrumRGB": 1}}),
        ("SensorState", b"", {"currentSensorStateData": [{"name": "WaterLeak"}]}),
        ("HumiditySetting", b"", {"humidityAmbientPercent": 0}),
        ("LightEffects", b'{"supportedEffects":["sleep"]}', {"activeLightEffect": ""}),
    ],
)
def test_what_google_is_not_known_to_refuse(trait, attributes, state):
    """Incomplete, unlisted or one-way: stored."""
    device = ReportedDevice((TRAIT + trait,), attributes=attributes)
    verdict = decide({"it": device}, {"it": state}, {}, rule=RULE, now=7.0)

    assert verdict.is_accepted
    assert len(verdict.rows) == 1


def test_notifications_need_their_declaration():
    """A device that did not declare notificationSupportedByAgent may not notify."""
    assert decided({}, {"lamp": {"ObjectDetection": {}}}).is_accepted
    (violation,) = decided({}, {"switch": {"ObjectDetection": {}}}).violations
    assert violation.code == "NOTIFICATION_NOT_SUPPORTED"


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"on": None}, "STATE_NULL"),
        ({"status": "SUCCESS"}, "STATE_KEY_FOREIGN"),
        ({"errorCode": None}, "STATE_KEY_FOREIGN"),
        ({"command": "x"}, "STATE_KEY_FOREIGN"),
    ],
)
def test_what_is_wrong_without_looking_anything_up(state, code):
    """Null and members of other answers are found in the report alone."""
    (violation,) = malformed({"lamp": state})

    assert violation.code == code
    assert malformed({"lamp": {"on": True}}) == ()


def test_mistakes_are_bounded():
    """A report with thousands of mistakes is answered with some of them."""
    many = {f"key{number}": None for number in range(1000)}

    assert len(malformed({"lamp": many})) == VIOLATIONS_MAX
    assert len(decided({"lamp": dict.fromkeys(many, 1)}).violations) == VIOLATIONS_MAX


def test_what_a_device_may_have_states_of():
    """Of the traits that it declares, and whether it is online, which no device declares."""
    assert kept(("OnOff", "Brightness")) == ("online", "OnOff", "Brightness")


def test_an_answer_to_a_query_is_taken_as_far_as_it_is_understood():
    """Other devices and states of undeclared traits are left out; the rest is kept by trait."""
    rows = queried(
        {"lamp": ("OnOff",), "switch": ("OnOff",)},
        {"lamp": {"on": True, "brightness": 3, "online": True}, "ghost": {"on": True}},
        state_keys=KEYS.get,
        now=7.0,
    )

    assert set(rows) == {
        TraitState("lamp", "OnOff", b'{"on":true}', 7.0),
        TraitState("lamp", "online", b'{"online":true}', 7.0),
    }


def test_when_a_device_was_stored_last():
    """By its newest trait; never, when it has none."""
    rows = [
        TraitState("lamp", trait, b"{}", at) for trait, at in (("a", 1.0), ("b", 3.0), ("c", 2.0))
    ]

    assert last_stored(rows) == 3.0
    assert last_stored(()) is None


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "on": st.booleans(),
                "brightness": st.integers(0, 100),
                "online": st.booleans(),
            },
        ),
        max_size=8,
    )
)
def test_any_sequence_of_reports_is_a_naive_merge(reports):
    """Rows replaced per trait give what a dictionary gives, because each key here is a trait of its own."""
    kept, naive = {}, {}
    for report in reports:
        for row in decided({"lamp": report}).rows:
            kept[row.trait] = msgspec.json.decode(row.state)
        naive |= report

    assert {key: value for state in kept.values() for key, value in state.items()} == naive


def test_a_good_state_beside_a_wrong_one():
    """Only what is wrong is named."""
    (violation,) = malformed({"lamp": {"on": True, "brightness": None}, "switch": {"on": False}})

    assert violation.field == 'payload.devices.states["lamp"].brightness'
