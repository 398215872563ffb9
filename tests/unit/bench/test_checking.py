"""The benchmark of checks compares like with like: all three checkers know the same fields."""

import msgspec
import pytest
from bench.checking import (
    KINDS,
    checkers_of_devices,
    checkers_of_states,
    device_checkers,
    listed_device,
    main,
    reply_checker,
    schemas,
    sync_checkers,
)

from homegraph.wire.catalog.book import builtin

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@by_kind
def test_all_find_it_right(kind):
    """A device that only one refuses would be a figure of that one's refusals."""
    names = {"homegraph", "homegraph_plain", "jsonschema_rs", "pydantic"}
    for checkers in (checkers_of_devices(kind, 3), checkers_of_states(kind, 3)):
        assert checkers.keys() == names
        assert all(check() for check in checkers.values())


@by_kind
def test_all_see_what_is_wrong_with_states(kind):
    """A member unknown, one of another form: all three refuse it, so none of them looks away."""
    states = {"online": True, **kind.states}
    first = next(iter(kind.states))
    bound = builtin().shape(kind.traits).bind(kind.attributes)

    for wrong in ({**states, "extra": 1}, {**states, first: None}, {**states, "online": "yes"}):
        assert not bound.states_fit(wrong, whole=True)
        assert not any(one.states_fit(wrong) for one in schemas(kind).values())


@by_kind
def test_all_see_what_is_wrong_with_a_device(kind):
    """Around its attributes and within them; a device that was decoded is judged like its bytes."""
    right = listed_device(kind, 1)
    attributes = {**kind.attributes, "extra": 1}
    wrong = [right | {"attributes": attributes}, right | {"extra": 1}, right | {"name": {}}]
    wrong += [right | {"attributes": {**kind.attributes, name: 7}} for name in kind.attributes]
    ours = device_checkers(builtin().shape(kind.traits))
    for one in wrong:
        written = msgspec.json.encode(one)
        assert not any(fits(written) for fits in ours.values())
        for schema in schemas(kind).values():
            assert not schema.definition_fits(written)
            assert not schema.device_fits(msgspec.json.decode(written))


@by_kind
def test_a_reply_of_each_kind_is_right(kind):
    """Otherwise its figure would be that of explaining."""
    assert reply_checker(kind, 3)()


def test_a_whole_answer():
    """All find all of its devices right."""
    assert all(check() for check in sync_checkers(16).values())


def test_the_command(capsys):
    """It prints a line for each combination in each of three tables, and one for the answer."""
    assert main(["--quick"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("| ")]) == 3 * (len(KINDS) + 1) + 1
