"""What devices of a combination of traits may say."""

import json

import pytest

from homegraph.wire.catalog.book import SHAPES_KEPT_MAX, builtin
from support.catalog_traits import TOY, catalog, device, field, told

T = "action.devices.traits."
COMMAND = "action.devices.commands."
STRANGER = f"{T}Teleport"
LAMP = {"colorModel": "rgb", "colorTemperatureRange": {"temperatureMinK": 2000, "temperatureMaxK": 6500}}  # fmt: skip
FAN = {"availableFanSpeeds": {"speeds": [], "ordered": True}}


def bound(*traits, **attributes):
    """A device of the builtin catalog."""
    return builtin().shape(tuple(f"{T}{name}" for name in traits)).bind(attributes)


def test_a_lamp():
    """The answers that most devices give most of the time."""
    lamp = bound("OnOff", "Brightness", "ColorSetting", **LAMP)
    states = {"online": True, "on": True, "brightness": 50, "color": {"temperatureK": 3000}}

    assert lamp.shape.attributes_fit(LAMP)
    assert lamp.states_fit(states, whole=True)
    assert lamp.states_fit({**states, "status": "SUCCESS"}, whole=True)
    assert not lamp.states_fit({**states, "status": "SUCCESS"}, whole=False)
    assert lamp.states_fit({"on": True}, whole=False)
    assert not lamp.states_fit({"on": True}, whole=True)
    assert told(lamp.state_problems({"on": True}, whole=True)) == [
        ("missing", ("online",), "refused"),
        ("missing", ("color",), "refused"),
    ]


def test_unknown_members():
    """They are told, with what was probably meant; a device with a trait that nobody knows may have any."""
    closed, is_open = bound("OnOff"), bound("OnOff", "Teleport")

    (problem,) = closed.state_problems({"On": True}, whole=False)
    assert problem.what == "\"On\" is unknown here. Did you mean 'on'?"
    assert told(closed.shape.attribute_problems({"x": 1})) == [("unknown", ("x",), "ignored")]
    assert not closed.shape.attributes_fit({"x": 1})
    assert is_open.shape.attributes_fit({"x": 1})
    assert is_open.states_fit({"x": 1, "on": True}, whole=False)
    assert is_open.state_problems({"x": 1}, whole=False) == ()


@pytest.mark.parametrize("traits", [("OnOff",), ("OnOff", "Teleport")])
def test_a_one_way_device_says_nothing(traits):
    """Its attributes say that it has no states."""
    silent = bound(*traits, commandOnlyOnOff=True)

    assert silent.states_fit({"online": True}, whole=True)
    assert told(silent.state_problems({"on": True}, whole=False)) == [
        ("unexpected", ("on",), "ignored")
    ]
    assert not silent.states_fit({"on": True}, whole=False)


def test_a_state_for_answers_only():
    """A report that has it is told so; an answer to QUERY has it."""
    toy = device(states=[field("a", reportable=False)])

    assert told(toy.state_problems({"a": 1}, whole=False)) == [("unexpected", ("a",), "ignored")]
    assert not toy.states_fit({"a": 1}, whole=False)
    assert toy.states_fit({"a": 1, "online": True}, whole=True)
    assert toy.state_problems({"a": 1, "online": True}, whole=True) == ()


def test_traits_that_share_a_member():
    """The legacy traits for colors put theirs into one object, and each still looks after its own."""
    both = bound("ColorSpectrum", "ColorTemperature")

    assert both.states_fit({"color": {"spectrumRGB": 1, "temperature": 2000}}, whole=False)
    assert not both.states_fit({"color": {"spectrumRGB": -1}}, whole=False)
    assert not both.states_fit({"color": 5}, whole=False)
    assert both.states_fit({"online": True}, whole=True)
    assert told(both.state_problems({"color": {"spectrum": 1}}, whole=False)) == [
        ("unknown", ("color", "spectrum"), "ignored"),
        ("unknown", ("color", "spectrum"), "ignored"),
    ]


def test_commands():
    """Which there are, whether the attributes allow them, and their parameters."""
    fan = bound("FanSpeed", "OnOff", **FAN)
    name = f"{COMMAND}SetFanSpeed"

    assert {one.name.removeprefix(COMMAND) for one in fan.commands()} == {
        "OnOff", "SetFanSpeed", "SetFanSpeedRelative",
    }  # fmt: skip
    assert fan.command_problems(name, {"fanSpeed": "low"}) == ()
    assert told(fan.command_problems(name, {"fanSpeedPercent": 50})) == [
        ("unexpected", ("fanSpeedPercent",), "refused")
    ]
    (reverse,) = fan.command_problems(f"{COMMAND}Reverse", {})
    assert told([reverse]) == [("unavailable", (), "refused")]
    assert reverse.what.endswith("Reverse: it needs that the attribute reversible is true.")
    assert {one.name for one in fan.declared()} - {one.name for one in fan.commands()} == {
        f"{COMMAND}Reverse"
    }


def test_a_command_of_another_trait():
    """It is unavailable, with what was probably meant; a device with unlisted traits takes any."""
    (problem,) = bound("OnOff").command_problems(f"{COMMAND}onoff", {})

    assert problem.kind == "unavailable"
    assert problem.what.endswith("Did you mean 'action.devices.commands.OnOff'?")
    assert bound("OnOff", "Teleport").command_problems("x", {}) == ()


def test_a_read_only_device_takes_no_command():
    """Its attributes say so."""
    name = f"{COMMAND}OnOff"

    (problem,) = bound("OnOff", queryOnlyOnOff=True).command_problems(name, {"on": True})

    assert told([problem]) == [("unavailable", (), "refused")]
    assert problem.what.endswith("OnOff: the attribute queryOnlyOnOff is true.")
    assert bound("OnOff", queryOnlyOnOff=True).commands() == ()


def test_results_beside_states():
    """Only what the command brings is looked at."""
    locator = bound("Locator")

    assert (
        locator.result_problems(f"{COMMAND}Locate", {"generatedAlert": True, "online": True}) == ()
    )
    assert told(locator.result_problems(f"{COMMAND}Locate", {})) == [
        ("missing", ("generatedAlert",), "refused")
    ]


def test_notifications():
    """A trait with two forms is meant to have sent the one that fits best."""
    forms = [
        {"kind": "proactive", "key": "Toy", "fields": [field("a", required=True)]},
        {"kind": "follow_up", "key": "Toy", "command": "c", "fields": [field("b", required=True)]},
    ]
    toy = device(notifications=forms)

    assert toy.notification_problems("Toy", {"b": 1}) == ()
    assert told(toy.notification_problems("Toy", {})) == [("missing", ("a",), "refused")]
    assert told(bound("ObjectDetection").notification_problems("ObjectDetection", {"x": 1}))[-1] == (
        "unknown", ("x",), "ignored",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("traits", "key", "sentence"),
    [
        (("LockUnlock",), "LockUnlock", ""),
        (("OnOff",), "OnOff", ""),
        (("OnOff", "Teleport"), "Teleport", ""),
        (("OnOff",), "LockUnlock", '"LockUnlock" is no trait of this device.'),
        (("LockUnlock",), "Lockunlock", "Did you mean 'LockUnlock'?"),
        (("LockUnlock",), "action.devices.traits.LockUnlock", "Did you mean 'LockUnlock'?"),
    ],
)
def test_a_notification_has_the_short_name_of_a_trait_of_the_device(traits, key, sentence):
    """What it says is judged where the catalog knows it; a trait that it does not know may be meant."""
    body = {"priority": 0, "followUpResponse": {"status": "SUCCESS", "followUpToken": "t", "isLocked": True}}  # fmt: skip
    problems = bound(*traits).notification_problems(key, body)

    assert [one.kind for one in problems] == (["unknown"] if sentence else [])
    assert all(one.what.endswith(sentence) for one in problems)


SENSOR = "currentSensorStateData"


@pytest.mark.parametrize(
    ("item", "kinds"),
    [
        ({"name": "AirQuality", "currentSensorState": "good", "rawValue": 500}, []),
        ({"name": "AirQuality", "rawValue": 501}, ["range"]),
        ({"name": "AirQuality", "currentSensorState": "no leak"}, ["unlisted"]),
        ({"name": "WaterLeak", "rawValue": 1}, ["unexpected"]),
        ({"name": "PM10", "currentSensorState": "good"}, ["unexpected"]),
        ({"name": "PM10", "rawValue": -5}, []),
        ({"name": "WaterLeak", "currentSensorState": "unknown"}, []),
    ],
)
def test_the_table_of_sensors_in_states(item, kinds):
    """A sensor says its words, and numbers of its range."""
    sensor = bound("SensorState")

    assert [one.kind for one in sensor.state_problems({SENSOR: [item]}, whole=False)] == kinds
    assert sensor.states_fit({SENSOR: [item]}, whole=False) is (not kinds)


@pytest.mark.parametrize(
    ("item", "kinds"),
    [
        ({"name": "AirQuality", "numericCapabilities": {"rawValueUnit": "AQI"}}, []),
        ({"name": "AirQuality", "numericCapabilities": {"rawValueUnit": "PERCENTAGE"}}, ["unlisted"]),
        ({"name": "WaterLeak", "numericCapabilities": {"rawValueUnit": "AQI"}}, ["unexpected"]),
        ({"name": "WaterLeak", "descriptiveCapabilities": {"availableStates": ["leak"]}}, []),
        ({"name": "WaterLeak", "descriptiveCapabilities": {"availableStates": ["good"]}}, ["unlisted"]),
        ({"name": "PM10", "descriptiveCapabilities": {"availableStates": ["good"]}}, ["unexpected"]),
    ],
)  # fmt: skip
def test_the_table_of_sensors_in_attributes(item, kinds):
    """A sensor has its words and its unit, and none where the table has none."""
    shape = bound("SensorState").shape
    problems = shape.attribute_problems({"sensorStatesSupported": [item]})

    assert [one.kind for one in problems] == kinds
    assert shape.attributes_fit({"sensorStatesSupported": [item]}) is (not kinds)


def test_the_table_of_sensors_in_notifications():
    """Some sensors send none; a word must be the sensor's."""
    sensor = bound("SensorState")
    body = {"priority": 0, "name": "WaterLeak", "currentSensorState": "leak"}

    assert sensor.notification_problems("SensorState", body) == ()
    wrong = {**body, "currentSensorState": "good"}
    assert [one.kind for one in sensor.notification_problems("SensorState", wrong)] == ["unlisted"]
    silent = {**body, "name": "PM10", "currentSensorState": "unknown"}
    assert [one.kind for one in sensor.notification_problems("SensorState", silent)] == [
        "enum", "unexpected", "unexpected",
    ]  # fmt: skip


def test_a_range_that_is_open():
    """A sensor that a project adds may have one bound."""
    row = {"name": "Depth", "unit": "AQI", "raw_min": 0}
    item = {"type": "object", "fields": [field("name", "string"), field("rawValue", "number")]}
    toy = device(
        states=[field(SENSOR, "array", items=item)],
        sensors=[row],
        state_rules=[{"kind": "sensor_table"}],
    )

    (problem,) = toy.state_problems({SENSOR: [{"name": "Depth", "rawValue": -1}]}, whole=False)

    assert problem.what == "rawValue of Depth is -1; 0 or more is allowed."


def test_shapes_are_kept_within_a_bound():
    """The same traits, the same shape; no more of them than the bound."""
    book = catalog()

    assert book.shape((TOY,)) is book.shape((TOY,))
    for number in range(SHAPES_KEPT_MAX + 5):
        book.shape((f"{T}{number}",))
    assert book._shape.cache_info().currsize == SHAPES_KEPT_MAX


def test_a_shape_is_not_kept_by_whatever_a_stranger_lists():
    """Traits that do not exist are one word, however many and long they are; the shape is that of the others, and open."""
    book = catalog()
    strange = [f"{T}{number}" for number in range(1_000)]

    assert book.shape_of_any([TOY, TOY]) is book.shape((TOY,))
    assert book.shape_of_any([*strange, TOY]) is book.shape_of_any([TOY, "a" * 10_000])
    assert book.shape_of_any(strange).is_open
    assert not book.shape_of_any([TOY]).is_open
    assert book._shape.cache_info().currsize == 3


def test_the_table_of_sensors_anywhere_else():
    """A parameter that names a sensor is judged as a notification is."""
    row = {"name": "Depth", "descriptive_states": ["deep"], "notification": True}
    params = [field("name", "string"), field("currentSensorState", "string")]
    command = {"name": "c", "params": params, "param_rules": [{"kind": "sensor_table"}]}
    toy = device(sensors=[row], commands=[command])

    assert toy.command_problems("c", {"name": "Depth", "currentSensorState": "deep"}) == ()
    (problem,) = toy.command_problems("c", {"name": "Depth", "currentSensorState": "flat"})
    assert problem.path == ("currentSensorState",)


def test_an_attribute_that_is_null_counts_as_not_given():
    """It is a mistake of its own; what looks at it sees the default, at the top and within objects."""
    trait = {
        "name": "t",
        "short": "t",
        "attributes": [
            {"name": "mode", "type": "string", "default": "on"},
            {
                "name": "more",
                "type": "object",
                "fields": [{"name": "deep", "type": "boolean", "default": True}],
            },
        ],
        "states": [
            {
                "name": "x",
                "type": "boolean",
                "present_if": {"attr": "mode", "op": "eq", "value": "on"},
            },
            {
                "name": "y",
                "type": "boolean",
                "present_if": {"attr": "more.deep", "op": "eq", "value": True},
            },
        ],
    }
    shape = builtin().extended(json.dumps({"traits": [trait]}).encode()).shape(("t",))
    null = shape.bind({"mode": None, "more": {"deep": None}})
    off = shape.bind({"mode": "off", "more": {"deep": False}})
    assert null.states_fit({"x": True, "y": True}, whole=False)
    assert not off.states_fit({"x": True}, whole=False)
    assert not off.states_fit({"y": True}, whole=False)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b'{"x": [1]}', {"x": [1]}),
        (b"null", None),
        (b"[]", None),
        (b"{", None),
        (b'{"x": "\xff"}', None),
        (b'{"x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", None),
    ],
)
def test_attributes_that_nobody_knows_must_be_readable(written, read):
    """A device with a trait that is not in the catalog may have any attributes that are JSON, and no others."""
    shape = builtin().shape(("action.devices.traits.Teleport",))
    assert shape.read_attributes(written) == read


def test_each_device_is_judged_by_its_own_attributes():
    """What is read of attributes is kept with them: another device of these traits has other words, another limit, other traits silent."""
    traits = [f"action.devices.traits.{name}" for name in ("OnOff", "TemperatureSetting")]
    shape = builtin().shape(tuple(traits))

    def thermostat(most, *modes, **more):
        celsius = {"minThresholdCelsius": 10, "maxThresholdCelsius": most}
        given = {"availableThermostatModes": [*modes], "thermostatTemperatureRange": celsius}
        return shape.bind({**given, "thermostatTemperatureUnit": "C", **more})

    states = {"online": True, "on": True, "thermostatMode": "heat"}
    states |= {"thermostatTemperatureAmbient": 20, "thermostatTemperatureSetpoint": 28}
    right = thermostat(30, "heat", "off")
    others = [
        thermostat(25, "heat", "off"),
        thermostat(30, "cool", "off"),
        thermostat(30, "heat", "off", commandOnlyOnOff=True),
    ]
    for whole in (True, False):
        for _again in range(2):
            assert right.states_fit(states, whole=whole)
            assert not any(one.states_fit(states, whole=whole) for one in others)
