"""The book of rules."""

import json
import pkgutil
import re
from importlib import import_module

import pytest

from homegraph.graph import checks
from homegraph.graph.checks.rule import QUOTED_MAX, pointer, shown
from homegraph.graph.checks.rulebook import RULES


def test_every_rule_of_every_module_is_in_the_book_once():
    """A module's RULES are in the book, and no id stands for two of them."""
    modules = [
        import_module(f"{checks.__name__}.{m.name}") for m in pkgutil.iter_modules(checks.__path__)
    ]
    rules = [
        rule
        for module in modules
        if module.__name__.split(".")[-1] != "rulebook"
        for rule in getattr(module, "RULES", ())
    ]
    assert sorted(rule.id for rule in rules) == sorted(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_says_everything(rule):
    """Every text is there and in form; examples are JSON."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule.id)
    assert not rule.title.endswith(".")
    assert not re.search(r"\b[Aa] [aeio]", rule.title)
    assert rule.why.endswith(".")
    assert rule.fix.endswith(".")
    assert rule.source
    for example in (rule.wrong, rule.right):
        assert not example or json.loads(example) is not None


def test_a_pointer_escapes_what_rfc_6901_escapes():
    """``~`` and ``/`` are written ``~0`` and ``~1``; a number is a place in a list."""
    assert pointer("payload", "devices", 0, "a/b~c") == "/payload/devices/0/a~1b~0c"


def test_a_foreign_text_is_cut():
    """However long it is, a finding stays a sentence."""
    assert shown("lamp") == "'lamp'"
    assert len(shown("x" * 1000)) == QUOTED_MAX + 1
