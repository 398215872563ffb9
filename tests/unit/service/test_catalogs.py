"""The catalog that a project is judged by."""

import asyncio
import json

import pytest

from homegraph.errors import SettingsError
from homegraph.graph.policy import Policy
from homegraph.service.catalogs import FILE_BYTES_MAX, catalog_of, declared_catalogs
from homegraph.settings.file import Problems
from homegraph.settings.projects import ProjectSettings
from homegraph.wire.catalog.book import builtin

TRAIT = {"name": "action.devices.traits.Teleport", "short": "Teleport"}


def declared(path):
    """The text of a project's catalog file, None for a project without one."""
    project = ProjectSettings(id="acme", fulfillment_url="http://127.0.0.1:1", catalog=path)
    problems = Problems()
    texts = asyncio.run(declared_catalogs([project], problems))
    problems.raise_any()
    return texts.get("acme")


def test_without_a_file_it_is_the_builtin_one():
    """Which is one value for all of them."""
    assert declared(None) is None
    assert catalog_of(Policy()) is builtin()


def test_a_file_adds_to_it(tmp_path):
    """What is in it is known, and so is all the rest."""
    file = tmp_path / "catalog.json"
    file.write_text(json.dumps({"traits": [TRAIT]}))
    catalog = catalog_of(Policy(catalog=declared(file)))
    assert TRAIT["name"] in catalog.traits
    assert builtin().traits.keys() < catalog.traits.keys()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        (b"\xff", "is not UTF-8"),
        (b"[]", "is no catalog"),
        (b'{"traits": [{"name": 1}]}', "traits"),
        (b" " * (FILE_BYTES_MAX + 1), "is larger than 1024 KiB"),
    ],
)
def test_a_file_that_is_no_catalog_is_named(tmp_path, content, told):
    """Which file, and what is wrong with it."""
    file = tmp_path / "catalog.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=told) as caught:
        declared(file)
    assert caught.value.place == str(file)
