"""Whatever a fulfillment answers, it is judged: no exception, bounded, and every finding is one of the book."""

import json
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homegraph.errors import FulfillmentError
from homegraph.graph.checks import right_devices
from homegraph.graph.checks.devices import FINDINGS_MAX, check_device
from homegraph.graph.checks.right_devices import right_device
from homegraph.graph.checks.rulebook import RULES
from homegraph.graph.checks.syncs import TOLD_MAX, check_sync
from homegraph.graph.checks.tokens import check_tokens
from homegraph.graph.linting import Answered, intent_of, lint, lint_answer
from homegraph.wire.catalog.book import Catalog, CatalogError, builtin
from homegraph.wire.catalog.shapes import Shape
from homegraph.wire.intents import device_of, read_sync_reply
from support.findings import cases
from support.mistakes import MISTAKES, REFUSED, mistaken_devices

SUBJECTS = ("SYNC", "QUERY", "EXECUTE", "report", "")
BODIES = sorted({case.body for case in cases()})
DEVICES = [json.dumps(case.devices).encode() for case in cases() if case.devices]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def spoilt(draw):
    """An answer of the corpus with values exchanged for others at random places."""
    try:
        document = json.loads(draw(st.sampled_from(BODIES)))
    except ValueError:
        return b"{"
    for _ in range(draw(st.integers(1, 4))):
        here = document
        while isinstance(here, dict | list) and here:
            keys = list(here) if isinstance(here, dict) else list(range(len(here)))
            key = draw(st.sampled_from(keys))
            if draw(st.booleans()) or not isinstance(here[key], dict | list):
                here[key] = draw(values)
                break
            here = here[key]
    return json.dumps(document).encode()


@settings(max_examples=300)
@given(spoilt(), st.sampled_from(SUBJECTS), st.none() | st.sampled_from(DEVICES) | spoilt())
def test_a_spoilt_answer_is_judged(body, subject, devices):
    """Every finding belongs to a rule and says all that a finding says."""
    for finding in lint_answer(Answered("x", body, subject, devices)):
        assert finding.rule in RULES
        assert finding.severity in {"refused", "ignored", "advice"}
        assert all((finding.what, finding.why, finding.fix, finding.source))
        assert finding.path == "" or finding.path.startswith("/")


@given(st.binary(max_size=60), st.sampled_from(SUBJECTS))
def test_any_bytes_are_judged(body, subject):
    """What cannot be read has a finding, too."""
    assert lint_answer(Answered("x", body, subject))


def test_an_answer_nested_without_end_is_judged():
    """How deep it is nested is somebody else's choice."""
    deep = b"[" * 100_000
    assert [one.rule for one in lint_answer(Answered("x", deep))] == ["answer-not-json"]


def test_twelve_mistakes_in_two_hundred_devices_are_named_at_once():
    """None hides another, and the devices that are right are not accused."""
    payload = {"agentUserId": "u", "devices": mistaken_devices()}
    body = msgspec.json.encode({"requestId": "7", "payload": payload})
    findings = check_sync(body, builtin())
    assert {int(one.path.split("/")[3]) for one in findings} == MISTAKES.keys()
    assert len({one.rule for one in findings}) == len(MISTAKES)
    refused = {one.path.split("/")[3] for one in findings if one.severity == "refused"}
    assert {int(place) for place in refused} == REFUSED | {149}


def test_findings_are_bounded():
    """Thousands of mistakes have few causes; that there are more is told."""
    body = msgspec.json.encode(
        {"requestId": "7", "payload": {"agentUserId": "u", "devices": [1] * 1_001}}
    )
    findings = check_sync(body, builtin())
    assert len(findings) == TOLD_MAX + 1
    assert findings[-1].rule == "findings-cut"


class Counted(Catalog):
    """Counts how often it is asked what may have been meant."""

    asked = 0

    def nearest_trait(self, name):
        """The same, counted."""
        self.asked += 1
        return super().nearest_trait(name)


def test_what_is_not_told_of_a_device_is_not_looked_for():
    """A device may list a hundred thousand traits that do not exist; looking for what each of them may mean takes a millisecond."""
    catalog = Counted(builtin().common, builtin().traits, builtin().types)
    traits = [f"action.devices.traits.T{number}" for number in range(10 * FINDINGS_MAX)]
    device = {"id": "a", "type": "action.devices.types.LIGHT", "traits": traits, "name": {"name": "Lamp"}}  # fmt: skip

    findings = check_device(device, 0, catalog)

    assert len(findings) == FINDINGS_MAX
    assert catalog.asked <= FINDINGS_MAX


def test_a_device_of_any_size_is_looked_into():
    """One that is too long to be known at a glance is right all the same."""
    device = {
        "id": "a", "type": "action.devices.types.SCENE", "traits": ["action.devices.traits.Scene"],
        "name": {"name": "Evening", "nicknames": ["n" * 50] * 2_000}, "willReportState": False,
    }  # fmt: skip

    assert right_device(msgspec.json.encode(device), builtin()) is None
    assert check_device(device, 0, builtin()) == ()


STRANGE = ["zeta", "eta", "theta", "iota", "kappa", "alpha", "mu", "beta"]
"""Eight members that nothing has: by chance they are in this order once in 40,320 times."""


@pytest.mark.parametrize("at", ["", "/payload", "/payload/devices/0", "/payload/devices/0/name"])
def test_findings_are_in_the_order_of_the_answer(at):
    """The same answer has the same findings in every process, and so the first of many are the same."""
    name = {"name": "Lamp"}
    device = {"id": "a", "type": "action.devices.types.LIGHT", "traits": [], "name": name}
    payload = {"agentUserId": "u", "devices": [device]}
    answer = {"requestId": "7", "payload": payload}
    spoilt = {"": answer, "/payload": payload, "/payload/devices/0": device}.get(at, name)
    spoilt |= dict.fromkeys(STRANGE, 1)
    told = [one.path for one in lint(answer, intent="SYNC")]
    assert [path for path in told if path.rpartition("/")[2] in STRANGE] == [
        f"{at}/{member}" for member in STRANGE
    ]


def test_more_devices_than_a_reply_may_list_are_one_finding():
    """They are not looked at one by one."""
    body = msgspec.json.encode(
        {"requestId": "7", "payload": {"agentUserId": "u", "devices": [1] * 5_001}}
    )
    assert [one.rule for one in check_sync(body, builtin())] == ["devices-too-many"]


def test_the_shape_tells_the_intent():
    """As far as it can be told; what has no shape is taken for an answer to SYNC."""
    assert intent_of({"payload": {"devices": []}}) == "SYNC"
    assert intent_of({"payload": {"devices": {"x": {}}}}) == "QUERY"
    assert intent_of({"payload": {"commands": []}}) == "EXECUTE"
    assert intent_of({"agentUserId": "u", "payload": {"devices": {"states": {}}}}) == "report"
    assert intent_of({"payload": {"devices": {"states": {}}}}) == "QUERY"
    assert intent_of([]) == "SYNC"


def test_lint_takes_what_programs_have():
    """Bytes, text, or the object itself; the findings are the same."""
    answer = {"requestId": "1", "payload": {"agentUserId": "u", "devices": []}}
    text = json.dumps(answer)
    assert lint(answer) == lint(text) == lint(text.encode()) == lint(MappingProxyType(answer))
    assert [one.rule for one in lint(answer)] == ["devices-empty"]
    assert lint(
        {"requestId": "1", "payload": {"devices": {"a": {"online": True}}}}, devices={}
    ) == [*lint({"requestId": "1", "payload": {"devices": {"a": {"online": True}}}}, devices={})]


CYCLE = {}
CYCLE["payload"] = CYCLE


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (float("nan"), "NaN is no number of JSON"),
        ("half \ud83d", "half of a surrogate pair is no character"),
        (b"bytes", "there is no JSON for bytes"),
        ({1, 2}, "there is no JSON for set"),
        (object(), "there is no JSON for object"),
        (CYCLE, "Circular reference"),
    ],
    ids=["nan", "half", "bytes", "set", "object", "cycle"],
)
def test_an_object_that_json_does_not_have(value, told):
    """It is found, as whoever writes the object would find it; nothing is made of it that was not there, and nothing raises."""
    (found,) = lint({"requestId": "1", "payload": {"agentUserId": "u", "devices": [value]}})

    assert (found.rule, found.severity) == ("answer-not-json", "refused")
    assert told in found.what


def test_what_is_around_an_answer_is_told():
    """A list around it, or made JSON twice: the way out is not the one of an answer that is missing."""
    answer = {"requestId": "1", "payload": {"errorCode": "deviceNotReady"}}
    for wrapped, fix in (
        ([answer], "without the list"),
        (json.dumps(answer), "twice"),
        ([{"id": "lamp"}], "Wrap it"),
        ("sorry", "Wrap it"),
        (None, "Wrap it"),
    ):
        (finding,) = lint(json.dumps(wrapped))
        assert finding.rule == "answer-not-object"
        assert fix in finding.fix


def test_lint_compares_with_the_answer_before():
    """Given in any form, as the answer is."""

    def answer(*device_ids):
        devices = [
            {
                "id": one,
                "type": "action.devices.types.SWITCH",
                "traits": ["action.devices.traits.OnOff"],
                "name": {"name": one},
                "willReportState": True,
            }
            for one in device_ids
        ]
        return {"requestId": "1", "payload": {"agentUserId": "u", "devices": devices}}

    assert lint(answer("a", "b"), previous=answer("a", "c")) == []
    (gone,) = lint(answer("b"), previous=json.dumps(answer("a")))
    assert (gone.rule, gone.what) == ("devices-shrunk", "The reply lacks 1 of 1 devices.")
    assert lint({"payload": {}}, previous=answer("a")) == lint({"payload": {}})


def test_lint_takes_a_catalog():
    """What it adds is known from then on; what is no catalog is an error of the caller."""
    trait = "action.devices.traits.Steam"
    device = {
        "id": "iron",
        "type": "action.devices.types.SWITCH",
        "traits": [trait],
        "name": {"name": "Iron"},
        "willReportState": True,
        "attributes": {"pressure": "high"},
    }
    answer = {"requestId": "1", "payload": {"agentUserId": "u", "devices": [device]}}
    pressure = {"name": "pressure", "type": "number"}
    ours = {"traits": [{"name": trait, "short": "Steam", "attributes": [pressure]}]}
    assert "device-trait-unknown" in {one.rule for one in lint(answer)}
    found = {one.rule for one in lint(answer, catalog=json.dumps(ours))}
    assert "attribute-type" in found
    assert "device-trait-unknown" not in found
    with pytest.raises(CatalogError):
        lint(answer, catalog="{")


@settings(max_examples=300)
@given(st.sampled_from(BODIES) | spoilt())
def test_the_quick_answer_hides_nothing(body):
    """In a device that is taken at once nothing is found by whoever looks closely, and it is the same device."""
    try:
        listed = read_sync_reply(body).devices
    except FulfillmentError:
        return
    for index, definition in enumerate(listed):
        if right := right_device(definition, builtin()):
            members = msgspec.json.decode(definition)
            assert check_device(members, index, builtin()) == ()
            assert right == device_of(members, definition)


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("Lampe", []),
        ("ランプ", []),
        ("٣", []),
        ("_-_", ["device-name-unspeakable"]),
        ("x" * 61, ["device-name-long"]),
    ],
)
def test_names_in_any_script(name, rules):
    """A letter or a digit is enough, whichever."""
    device = {
        "id": "a",
        "type": "action.devices.types.SWITCH",
        "traits": ["action.devices.traits.OnOff"],
        "name": {"name": name},
        "willReportState": True,
    }
    assert [one.rule for one in check_device(device, 0, builtin())] == rules
    assert (right_device(json.dumps(device).encode(), builtin()) is None) is bool(rules)


def washer(**attributes):
    """A device whose attributes are worth remembering."""
    device = {
        "id": "a",
        "type": "action.devices.types.SWITCH",
        "traits": ["action.devices.traits.OnOff"],
        "name": {"name": "Washer"},
        "willReportState": True,
        "attributes": attributes,
    }
    return json.dumps(device).encode()


def test_the_same_attributes_are_looked_into_once(monkeypatch):
    """1 and true are not the same, though Python finds them equal; what is wrong is looked into every time."""
    monkeypatch.setattr(right_devices, "_right_attributes", {})
    looked = []
    read = Shape.read_attributes
    monkeypatch.setattr(
        Shape, "read_attributes", lambda self, given: looked.append(given) or read(self, given)
    )
    right, wrong = washer(commandOnlyOnOff=True), washer(commandOnlyOnOff=1)

    assert right_device(right, builtin()) == right_device(right, builtin()) is not None
    assert looked == [b'{"commandOnlyOnOff": true}']
    assert right_device(wrong, builtin()) is right_device(wrong, builtin()) is None
    assert looked[1:] == [b'{"commandOnlyOnOff": 1}'] * 2


def test_what_is_remembered_of_attributes_is_bounded(monkeypatch):
    """Both how many there are and how large they may be."""
    kept = {}
    monkeypatch.setattr(right_devices, "_right_attributes", kept)
    monkeypatch.setattr(right_devices, "ATTRIBUTES_KEPT_MAX", 2)
    for one in ({"commandOnlyOnOff": True}, {"queryOnlyOnOff": True}, {"queryOnlyOnOff": False}):
        assert right_device(washer(**one), builtin())
        assert 1 <= len(kept) <= 2
    monkeypatch.setattr(right_devices, "ATTRIBUTES_BYTES_MAX", 4)
    assert right_device(washer(commandOnlyOnOff=False), builtin())
    assert b'{"commandOnlyOnOff": false}' not in {written for _, written in kept}


def test_no_attributes_are_right_in_every_form():
    """Left out, null or empty: Google's reader takes them for the same."""
    left_out = json.loads(washer())
    del left_out["attributes"]
    for one in (left_out, left_out | {"attributes": None}, left_out | {"attributes": {}}):
        assert right_device(json.dumps(one).encode(), builtin()).attributes == b""


def test_an_id_that_is_no_text_is_not_called_missing():
    """It stands there; what is wrong with it is its type. What else it may be compared with is of no interest then."""
    answer = {"requestId": "1", "payload": {"agentUserId": 17, "devices": []}}

    told = [one.what for one in lint(answer) if one.rule.startswith("agent-user-id")]

    assert told == ["payload.agentUserId is 17; it must be text."]


@pytest.mark.parametrize(
    ("expires_in", "rules"),
    [
        ("3600", []),
        ("0", ["token-expires-in-past"]),
        ("315360000", []),
        ("315360001", ["token-expires-in-far"]),
        ("9" * 5_000, ["token-expires-in-far"]),
    ],
)
def test_a_form_says_how_long_a_token_lives(expires_in, rules):
    """In digits, however many: Python refuses to take thousands of them for an integer."""
    body = f"access_token=a&token_type=bearer&refresh_token=r&expires_in={expires_in}".encode()

    found = check_tokens(body, is_implicit=True)

    assert [one.rule for one in found] == rules
    assert all(len(one.what) < 100 for one in found)
