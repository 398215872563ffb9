"""Which devices of a SYNC reply are taken."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from homegraph.graph import judging
from homegraph.graph.applying import changes, compare, fingerprint, fingerprints, known_of, mark_of
from homegraph.graph.checks.replies import same_names
from homegraph.graph.judging import HELD_FINDINGS_MAX, judge
from homegraph.graph.policy import Policy
from homegraph.wire.catalog.book import builtin
from homegraph.wire.intents import read_device

GOOGLE, QUARANTINE = Policy(), Policy(sync_mode="quarantine")


def device(device_id, **members):
    """A device that is right, with some members replaced."""
    right = {
        "id": device_id,
        "type": "action.devices.types.SWITCH",
        "traits": ["action.devices.traits.OnOff"],
        "name": {"name": f"Switch {device_id}"},
        "willReportState": True,
    }
    return json.dumps(right | members).encode()


def judged(*devices, policy=QUARANTINE, known=()):
    """The judgement of a reply; ``known`` are bytes that were taken before."""
    ids = {fingerprint(one): json.loads(one)["id"] for one in known}
    comparison = compare(known_of(ids), fingerprints(devices), devices)
    return judge(comparison, devices, builtin(), policy)


def test_what_is_right_is_taken_in_both_modes():
    """Nothing is found, nothing is held."""
    for policy in (GOOGLE, QUARANTINE):
        found = judged(device("a"), device("b"), policy=policy)
        assert [one.id for one in found.decoded] == ["a", "b"]
        assert (found.held, found.findings, found.refusal) == (frozenset(), (), None)


def test_one_bad_device_is_held_and_the_others_are_taken():
    """In quarantine, with its findings."""
    found = judged(device("a"), device("bad", attributes=[]), device("c"))
    assert [one.id for one in found.decoded] == ["a", "c"]
    assert [one.index for one in found.comparison.fresh] == [0, 2]
    assert found.held == {"bad"}
    assert found.refusal is None
    assert [(one.rule, one.device_id) for one in found.findings] == [
        ("attributes-not-object", "bad")
    ]


def test_one_bad_device_refuses_the_reply_as_at_google():
    """The message counts the devices and gives the first reasons; the findings have all of them."""
    bad = [device(f"bad{n}", attributes=[], traits=None) for n in range(3)]
    found = judged(device("a"), *bad, policy=GOOGLE)
    assert "3 of its devices" in found.refusal.message
    assert "bad0: " in found.refusal.message
    assert "There are 3 more reasons." in found.refusal.message
    assert "quarantine" in found.refusal.hint
    assert len(found.findings) == 6
    three = [device(f"bad{n}", attributes=[]) for n in range(3)]
    assert "more reasons" not in judged(*three, policy=GOOGLE).refusal.message


def test_a_bad_device_without_an_id_is_told_by_its_place():
    """In the message of a refused reply, where others are told by their ids."""
    found = judged(device("a"), device(""), policy=GOOGLE)
    assert "1 of its devices. /payload/devices/1: " in found.refusal.message


@pytest.mark.parametrize(
    ("name", "rule", "told"),
    [
        (b'"K\xfcche"', "answer-not-utf8", "Device 1 is not UTF-8: byte 113 is none of UTF-8"),
        (b"1e999", "answer-not-json", "Device 1 is not JSON: number out of range"),
    ],
)
def test_a_device_that_cannot_be_read(name, rule, told):
    """The envelope does not look into devices: it is found here, and said of the bytes that came."""
    written = device("b").replace(b'"Switch b"', name)
    found = judged(device("a"), written)
    assert [one.id for one in found.decoded] == ["a"]
    (finding,) = found.findings
    assert (finding.rule, finding.path, finding.severity) == (rule, "/payload/devices/1", "refused")
    assert told in finding.what


def test_advice_holds_nothing_back():
    """Neither does what Google ignores."""
    written = device("a", traits=[], room="x", customData={"x": "y" * 600})
    found = judged(written, policy=GOOGLE)
    assert {one.severity for one in found.findings} == {"advice", "ignored"}
    assert found.decoded == (read_device(written),)


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ({"customData": {"x": "y" * 600}}, "custom-data-large"),
        ({"roomHint": " "}, "room-hint-blank"),
    ],
)
def test_one_piece_of_advice_is_not_overlooked(members, rule):
    """Though everything else is right."""
    found = judged(device("a", **members))
    assert [one.rule for one in found.findings] == [rule]
    assert [one.id for one in found.decoded] == ["a"]


def test_what_the_catalog_does_not_know_is_refused_on_demand():
    """Types and traits each by their own choice; a catalog that knows them is another way out."""
    unknown = device(
        "a", type="action.devices.types.TELEPORTER", traits=["action.devices.traits.Teleport"]
    )
    assert judged(unknown, policy=GOOGLE).refusal is None
    for choice in ({"unknown_types": "refuse"}, {"unknown_traits": "refuse"}):
        assert judged(unknown, policy=Policy(**choice)).refusal is not None
        assert judged(device("b"), policy=Policy(**choice)).refusal is None


def test_a_device_that_did_not_change_is_not_looked_at():
    """What was taken before stays, whatever we think of it today."""
    bad = device("bad", attributes=[])
    found = judged(bad, known=[bad], policy=GOOGLE)
    assert (found.findings, found.decoded, found.refusal) == ((), (), None)
    assert found.listed == ("bad",)


def test_a_version_that_is_stored_outlives_a_bad_one():
    """It is neither changed nor removed; a device that is gone from the list is."""
    found = judged(device("bad", attributes=[]), device("new"))
    known = known_of({b"print": "bad", b"of another": "gone"})
    applied = changes(known, found.comparison, found.decoded, found.held)
    assert applied.changes.held == ("bad",)
    assert applied.removed == ("gone",)
    assert [one.device_id for one in applied.stored] == ["new"]


def test_names_are_compared_with_devices_that_did_not_change():
    """Who is called alike is told when one of them is new."""
    old = device("old", name={"name": "Lamp"}, roomHint="Kitchen")
    found = judged(old, device("new", name={"name": "lamp"}, roomHint="kitchen"), known=[old])
    assert [(one.rule, one.device_id) for one in found.findings] == [("device-name-twice", "new")]


def test_an_old_device_without_a_name_is_passed_over():
    """What was taken before may have any form; it is compared as far as it has a name."""
    old = b'{"id": "old", "name": 3}'
    assert judged(old, device("new"), known=[old]).findings == ()
    twin = device("twin", name={"name": "Lamp"})
    found = judged(old, twin, device("new", name={"name": " lamp"}), known=[old, twin])
    assert [(one.rule, one.device_id) for one in found.findings] == [("device-name-twice", "new")]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Lamp", "lamp ", "L amp", "", "Fan", "Straße", "STRASSE"]),
            st.sampled_from(["new", "known", "known by its bytes only"]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_names_that_are_known_by_their_digests(named):
    """What is found is what reading all names finds, whatever is known of which."""
    devices = [device(str(at), name={"name": name}) for at, (name, _) in enumerate(named)]
    known = {}
    for (name, how), one in zip(named, devices, strict=True):
        if how != "new":
            mark = fingerprint(one)
            known[mark_of(mark, name) if how == "known" else mark] = json.loads(one)["id"]
    comparison = compare(known_of(known), fingerprints(devices), devices)
    found = judge(comparison, devices, builtin(), QUARANTINE).findings

    spoken = [(str(at), name, "") for at, (name, _) in enumerate(named)]
    alike = list(same_names(spoken)) if comparison.fresh else []
    assert [one for one in found if one.rule == "device-name-twice"] == alike


def test_other_names_are_not_read_where_they_are_known(monkeypatch):
    """A device that is called otherwise now costs its own name, and those that are kept their digests."""
    monkeypatch.setattr(judging, "_names", None)
    old = [device(str(at)) for at in range(3)]
    known = {mark_of(fingerprint(one), f"Switch {at}"): str(at) for at, one in enumerate(old)}
    devices = [*old[:2], device("2", name={"name": "Fan"})]

    comparison = compare(known_of(known), fingerprints(devices), devices)
    assert judge(comparison, devices, builtin(), QUARANTINE).findings == ()


def test_a_device_that_cannot_be_read_is_held_without_an_id():
    """However deep it is nested, and whatever stands in the place of a device."""
    deep = b'{"id": "deep", "attributes": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001
    found = judged(deep, b'"a text"', b'{"id": 7, "name": 3}', device("a"))
    assert [one.id for one in found.decoded] == ["a"]
    assert found.held == frozenset()
    assert found.listed == ("", "", "", "a")
    assert {one.path.split("/")[3] for one in found.findings} == {"0", "1", "2"}


def test_a_reply_with_a_device_without_an_id_names_its_place():
    """In the message, where an id would stand."""
    found = judged(device("a"), b'"a text"', policy=GOOGLE)
    assert "/payload/devices/1: " in found.refusal.message


def held_again(*devices, before, judged_by="v1", policy=QUARANTINE):
    """The judgement of a reply after which ``before`` was held."""
    comparison = compare(known_of({}), fingerprints(devices), devices)
    return judge(comparison, devices, builtin(), policy, before, judged_by)


def test_a_held_device_is_not_looked_into_again(monkeypatch):
    """Its findings are repeated, at the place where it stands now."""
    bad = device("bad", attributes=[])
    first = held_again(device("a"), bad, before=())
    (kept,) = first.to_keep
    assert (kept.device_id, kept.name, kept.judged_by) == ("bad", "Switch bad", "v1")
    looked = []
    look = judging.right_device
    monkeypatch.setattr(
        judging,
        "right_device",
        lambda one, *_: looked.append(json.loads(one)["id"]) or look(one, *_),
    )

    again = held_again(bad, device("a"), before=first.to_keep)

    assert looked == ["a"]
    assert again.to_keep == first.to_keep
    assert (again.held, again.listed) == ({"bad"}, ("bad", "a"))
    assert [one.path for one in first.findings] == ["/payload/devices/1/attributes"]
    assert [one.path for one in again.findings] == ["/payload/devices/0/attributes"]
    assert [one.id for one in again.decoded] == ["a"]


def test_a_held_device_is_looked_into_when_something_has_changed():
    """Its own bytes, or what it is judged by; what is mended is held no longer."""
    first = held_again(device("bad", attributes=[]), before=())
    mended = held_again(device("bad"), before=first.to_keep)
    assert (mended.to_keep, mended.held, mended.findings) == ((), frozenset(), ())
    stale = tuple(replace(one, findings=()) for one in first.to_keep)
    renewed = held_again(device("bad", attributes=[]), before=stale, judged_by="v2")
    assert [one.judged_by for one in renewed.to_keep] == ["v2"]
    assert renewed.findings == first.findings


def test_what_is_kept_of_held_devices_is_bounded():
    """Those beyond the bound are held all the same."""
    bad = [device(f"bad{n}", attributes=[]) for n in range(HELD_FINDINGS_MAX + 1)]
    found = held_again(*bad, before=())
    assert len(found.held) == len(bad)
    assert len(found.to_keep) == HELD_FINDINGS_MAX


def test_a_held_device_without_id_and_name_is_kept_too():
    """By its bytes; it has nothing else to be known by."""
    (kept,) = held_again(b"[]", before=()).to_keep
    assert (kept.device_id, kept.name, len(kept.findings)) == ("", "", 1)
    again = held_again(b"[]", before=(kept,))
    assert (again.held, again.to_keep) == (frozenset(), (kept,))
