"""What a SYNC reply changes: nothing is looked into that did not change, and placement is nobody's but the user's."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from homegraph.graph import applying
from homegraph.graph.model import Changed, Changes, Placement
from homegraph.wire.intents import read_device


def device(device_id="lamp", **members):
    """A device's bytes as a fulfillment sends them."""
    whole = {
        "id": device_id,
        "type": "action.devices.types.LIGHT",
        "traits": ["action.devices.traits.OnOff"],
        "name": {"name": "Lamp"},
        "willReportState": False,
        **members,
    }
    return json.dumps(whole).encode()


def compare(known, after):
    """Compare the list ``after`` with what is known."""
    devices = tuple(after)
    return applying.compare(applying.known_of(known), applying.fingerprints(devices), devices)


def apply(before, after):
    """Apply the list ``after`` where the devices ``before`` (id -> bytes) are stored."""
    known = {applying.fingerprint(definition): id_ for id_, definition in before.items()}
    comparison = compare(known, after)
    decoded = [read_device(fresh.definition) for fresh in comparison.fresh]
    old = {one.id: before[one.id] for one in decoded if one.id in before}
    stored = replace(applying.known_of(known), definitions=old)
    return applying.changes(stored, comparison, decoded)


def test_a_list_that_is_known_changes_nothing():
    """The same bytes again: nothing to tell, nothing to write, nothing to decode."""
    lamp = device()
    comparison = compare({applying.fingerprint(lamp): "lamp"}, [lamp])

    assert comparison.fresh == ()
    assert comparison.kept == {"lamp"}
    assert apply({"lamp": lamp}, [lamp]) == applying.Applied(Changes(), (), ())


def test_a_new_device_is_placed_where_the_cloud_says():
    """Room and name start as SYNC's roomHint and name."""
    lamp = device(roomHint="Kitchen")
    applied = apply({}, [lamp])

    assert applied.changes == Changes(added=("lamp",))
    assert applied.stored == (
        applying.Stored(
            "lamp",
            applying.mark_of(applying.fingerprint(lamp), "Lamp"),
            lamp,
            Placement("Kitchen", "Lamp"),
            ("action.devices.traits.OnOff",),
        ),
    )


def test_what_a_report_is_checked_by_is_stored_beside_the_definition():
    """Traits, whether it notifies, and the attributes, whose bytes do not depend on the order of their members."""
    one = device(attributes={"b": [1.5, "ü"], "a": {}}, notificationSupportedByAgent=True)
    two = device(attributes={"a": {}, "b": [1.5, "ü"]})
    (first,), (second,) = (apply({}, [each]).stored for each in (one, two))

    assert first.attributes == second.attributes == '{"a":{},"b":[1.5,"ü"]}'.encode()
    assert (first.traits, first.notifies) == (("action.devices.traits.OnOff",), True)
    assert apply({}, [device()]).stored[0].attributes == b""


def test_a_changed_device_keeps_its_placement():
    """Only the definition is taken over, and the members that differ are named."""
    before = device(roomHint="Kitchen", attributes={"commandOnlyOnOff": True})
    after = device(roomHint="Cellar", name={"name": "Bulb"})
    applied = apply({"lamp": before}, [after])

    assert applied.changes == Changes(
        changed=(Changed("lamp", ("attributes", "name", "roomHint")),)
    )
    assert [stored.placement for stored in applied.stored] == [None]


def test_what_may_be_reported_of_a_device():
    """Its traits, and whether it sends notifications, are told of a new device and of one that changed."""
    before = device(notificationSupportedByAgent=True)
    after = device(traits=["One", "Two"])
    (new,) = apply({}, [before]).stored
    (changed,) = apply({"lamp": before}, [after]).stored

    assert (new.traits, new.notifies) == (("action.devices.traits.OnOff",), True)
    assert (changed.traits, changed.notifies) == (("One", "Two"), False)


@pytest.mark.parametrize(
    ("change", "as_before"),
    [
        ({"name": {"name": "Bulb"}, "roomHint": "Cellar"}, True),
        ({"traits": ["Two"]}, False),
        ({"attributes": {"a": 2}}, False),
        ({"notificationSupportedByAgent": False}, False),
    ],
    ids=repr,
)
def test_whether_a_device_may_report_what_it_might_before(change, as_before):
    """Only traits, attributes and notifications count; a device that is new might report nothing before."""
    members = {"attributes": {"a": 1}, "notificationSupportedByAgent": True}
    before, after = device(**members), device(**(members | change))
    (changed,) = apply({"lamp": before}, [after]).stored
    (new,) = apply({}, [after]).stored

    assert changed.reports_as_before is as_before
    assert not new.reports_as_before


def test_a_device_that_is_missing_is_removed():
    """The reply is the full list."""
    applied = apply({"b": device("b"), "a": device("a"), "c": device("c")}, [device("c")])

    assert applied.changes == Changes(removed=("a", "b"))
    assert applied.removed == ("a", "b")
    assert applied.stored == ()


def test_other_bytes_with_the_same_content_are_no_change():
    """Another order of keys renews the fingerprint, so that the next reply is known again; nobody is told."""
    before = device(attributes={"a": [1, {"b": None}]})
    after = json.dumps(dict(reversed(json.loads(before).items())), indent=1).encode()
    applied = apply({"lamp": before}, [after])

    assert not applied.changes
    assert [stored.mark for stored in applied.stored] == [
        applying.mark_of(applying.fingerprint(after), "Lamp")
    ]


@pytest.mark.parametrize(
    ("before", "after", "differ"),
    [
        (1, True, True),
        (0, False, True),
        (True, True, False),
        (1, 1.0, False),
        ([1, [True]], [1, [True]], False),
        ([1, [True]], [1, [1]], True),
        ([1], [1, 2], True),
        ({"a": 1}, {"a": True}, True),
        ({"a": 1}, {"b": 1}, True),
        ({"a": {}}, {"a": []}, True),
        ("1", 1, True),
        (None, False, True),
        (None, None, False),
    ],
)
def test_members_are_compared_as_json(before, after, differ):
    """A number is not a boolean, although Python thinks so; 1 and 1.0 are one number."""
    fields = applying.changed_fields(
        device(attributes={"x": before}), device(attributes={"x": after})
    )

    assert fields == (("attributes",) if differ else ())


def test_null_differs_from_absent():
    """A member that is there is not the same as one that is not."""
    fields = applying.changed_fields(device(), device(roomHint=None))

    assert fields == ("roomHint",)


def test_comparing_does_not_care_how_deep_a_reply_is_nested():
    """A reply as deep as can be read can be compared, too."""
    deep = '{"a":' * 300 + "1" + "}" * 300
    one = device(attributes=json.loads(deep))
    two = device(attributes=json.loads(deep.replace("1", "2")))

    assert applying.changed_fields(one, two) == ("attributes",)
    assert applying.changed_fields(one, one) == ()


def test_of_two_new_devices_with_one_id_the_first_counts():
    """One id is one device."""
    first, second = device(name={"name": "First"}), device(name={"name": "Second"})
    applied = apply({}, [first, second])

    assert applied.changes.added == ("lamp",)
    assert [stored.definition for stored in applied.stored] == [first]


def test_a_known_device_counts_before_another_with_its_id():
    """What is stored stays while the reply still has it, wherever the other one stands."""
    known, other = device(name={"name": "Known"}), device(name={"name": "Other"})

    assert apply({"lamp": known}, [other, known]) == applying.Applied(Changes(), (), ())
    assert apply({"lamp": known}, [known, other]) == applying.Applied(Changes(), (), ())


def test_comparing_goes_deeper_than_python_does(monkeypatch):
    """What can just be read may be too deep for Python's own comparison, which gives up a little earlier."""

    def read(raw):
        value = json.loads(bytes(raw))
        for _ in range(5_000):
            value = [value]
        return value

    monkeypatch.setattr(applying, "_read", read)
    for other in (b"2", b"true", b"[1]", b'{"b":1}'):
        assert applying.changed_fields(b'{"a":1}', b'{"a":%b}' % other) == ("a",)
    assert applying.changed_fields(b'{"a":[1]}', b'{"a":[1,1]}') == ("a",)
    assert applying.changed_fields(b'{"a":{"b":1}}', b'{"a":{"c":1}}') == ("a",)
    assert applying.changed_fields(b'{"a":{"b":[1]}}', b'{"a":{"b":[1.0]}}') == ()


def test_strangers_are_those_that_a_reply_has_not_as_they_are():
    """Devices whose bytes are others now, and those that are gone."""
    before = {one: device(one) for one in ("a", "b", "c")}
    known = applying.known_of({applying.fingerprint(one): id_ for id_, one in before.items()})
    reply = applying.fingerprints([before["a"], device("b", name={"name": "Other"}), device("d")])

    assert sorted(applying.strangers(known, reply)) == ["b", "c"]


def test_what_is_decoded_belongs_to_what_is_fresh():
    """A device too few or too many is a mistake of the caller."""
    comparison = compare({}, [device()])

    with pytest.raises(ValueError, match="shorter"):
        applying.changes(applying.known_of({}), comparison, ())


NAMES = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(["One", "Two", "Three"]))


@given(before=NAMES, after=NAMES)
def test_afterwards_the_stored_list_is_the_replied_list(before, after):
    """For any two lists: what is written and dropped turns the one into the other, and is told in full."""
    stored = {key: device(key, name={"name": name}) for key, name in before.items()}
    replied = {key: device(key, name={"name": name}) for key, name in after.items()}
    applied = apply(stored, replied.values())
    result = {key: value for key, value in stored.items() if key not in applied.removed}
    result |= {one.device_id: one.definition for one in applied.stored}

    assert result == replied
    assert set(applied.changes.added) == after.keys() - before.keys()
    assert set(applied.changes.removed) == before.keys() - after.keys()
    assert {one.device_id for one in applied.changes.changed} == {
        key for key in before.keys() & after.keys() if before[key] != after[key]
    }


ID = "66666666-6666-4666-8666-666666666666"
NEXT_ID = "77777777-7777-4777-8777-777777777777"
TEMPLATE = '{"requestId":"%s","payload":{"agentUserId":"1836","devices":[%s]}}'


def reply(request_id, *devices):
    """A whole reply to SYNC."""
    return (TEMPLATE % (request_id, ",".join(devices))).encode()


def test_a_reply_that_comes_again_is_known():
    """It differs in the id of the intent only, which is another one each time."""
    first = applying.digest_of(reply(ID, '{"id":"a"}'), ID)

    assert len(first) == 16
    assert applying.digest_of(reply(NEXT_ID, '{"id":"a"}'), NEXT_ID) == first
    for other in (
        reply(NEXT_ID, '{"id":"b"}'),
        reply(NEXT_ID, '{"id":"a"} '),
        reply(NEXT_ID, '{"id":"a"}') + b"\n",
        b" " + reply(NEXT_ID, '{"id":"a"}'),
    ):
        assert applying.digest_of(other, NEXT_ID) != first


def test_where_the_id_stands_is_part_of_what_is_known():
    """Two replies that are alike without the id are not alike when it stands elsewhere."""
    here = applying.digest_of(b'{"requestId":"1","x":""}', "1")
    there = applying.digest_of(b'{"requestId":"","x":"1"}', "1")

    assert here != there


def test_a_reply_without_the_id_is_not_known():
    """Neither now nor when it comes again."""
    assert applying.digest_of(reply("another", '{"id":"a"}'), ID) == b""
    assert applying.bound(b"", 7) == b""


def test_an_id_that_is_repeated_twice_makes_a_reply_unlike():
    """Only its first place is left out: such a reply is read each time."""
    twice = reply(ID, f'"{ID}"'), reply(NEXT_ID, f'"{NEXT_ID}"')

    assert applying.digest_of(twice[0], ID) != applying.digest_of(twice[1], NEXT_ID)


def test_what_a_reply_is_known_by_is_good_for_one_run():
    """Of another run it is another one."""
    digest = applying.digest_of(reply(ID), ID)

    assert len({applying.bound(digest, fence) for fence in range(100)}) == 100
    assert applying.bound(digest, 7) == applying.bound(digest, 7)
