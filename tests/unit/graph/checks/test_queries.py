"""Findings about QUERY."""

import msgspec

from homegraph.graph.checks.queries import check_query, first_query_failed
from homegraph.wire.catalog.book import builtin


def test_a_first_query_without_an_answer_is_told_with_its_reason():
    """The finding carries the sentence of the failure."""
    finding = first_query_failed("The fulfillment answered HTTP 500.")
    assert finding.rule == "first-query-failed"
    assert finding.severity == "advice"
    assert finding.what.endswith("The fulfillment answered HTTP 500.")


def rules(answers, **known):
    """Rules that an answer about these devices breaks, with the paths."""
    body = msgspec.json.encode({"requestId": "7", "payload": {"devices": answers}})
    return [(one.rule, one.path) for one in check_query(body, builtin(), **known)]


def test_a_device_without_an_answer_is_named():
    """It counts as failed."""
    lamp = builtin().shape(("action.devices.traits.OnOff",)).bind({})
    found = rules({"a": {"online": True}}, devices={"a": lamp, "b": lamp})
    assert found == [("query-device-missing", "/payload/devices")]


def test_devices_without_an_answer_are_named_in_the_order_of_the_question():
    """In every process alike."""
    asked = {f"lamp-{number}": builtin().shape(()).bind({}) for number in (7, 3, 9, 1, 8, 2, 5)}
    body = msgspec.json.encode({"requestId": "7", "payload": {"devices": {}}})
    found = check_query(body, builtin(), devices=asked)
    assert [one.device_id for one in found] == list(asked)


def test_a_state_that_was_reported_differently_is_named():
    """A report is missing; what is the same, or was never reported, is not looked at."""
    answer = {"a": {"online": True, "on": True, "brightness": 7}}
    stored = {"a": {"online": True, "on": False}, "b": {"on": True}}
    assert rules(answer, stored=stored) == [("query-disagrees", "/payload/devices/a/on")]
