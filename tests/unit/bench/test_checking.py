"""The benchmark of checks compares like with like: all three checkers know the same fields."""

import pytest
from bench.checking import KINDS, checkers, main, reply_checker, sync_checkers
from bench.plain_schemas import JsonSchema, Models

from homegraph.wire.catalog.book import builtin


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_all_find_it_right(kind):
    """A device that only one refuses would be a figure of that one's refusals."""
    assert {name: check() for name, check in checkers(kind).items()} == {
        "homegraph": True, "homegraph_plain": True, "jsonschema_rs": True, "pydantic": True,
    }  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_all_see_what_is_wrong(kind):
    """A member unknown, one of another form: all three refuse it, so none of them looks away."""
    traits = [builtin().traits[name] for name in kind.traits]
    states = {"online": True, **kind.states}
    first = next(iter(kind.states))
    bound = builtin().shape(kind.traits).bind(kind.attributes)

    for wrong in ({**states, "extra": 1}, {**states, first: None}, {**states, "online": "yes"}):
        assert not bound.states_fit(wrong, whole=True)
        assert not JsonSchema(traits).states_fit(wrong)
        assert not Models(traits).states_fit(wrong)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_reply_of_each_kind_is_right(kind):
    """Otherwise its figure would be that of explaining."""
    assert reply_checker(kind, 3)()


def test_a_whole_answer():
    """All find all of its devices right."""
    assert all(check() for check in sync_checkers(16).values())


def test_the_command(capsys):
    """It ends with a line for each combination and one for the answer."""
    assert main(["--quick"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("| ")]) == len(KINDS) + 2
