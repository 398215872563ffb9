"""The format of an export: its members are those of the code, and the example is one that is read."""

import re
from pathlib import Path

import msgspec
import pytest

from homegraph.cli import export_file
from homegraph.graph import model
from homegraph.graph.syncing import Work
from homegraph.service import moving
from homegraph.service.vault import FINGERPRINT_CHARACTERS
from homegraph.store import copies

PAGE = (Path(__file__).parents[2] / "docs/reference/export-format.md").read_text()
EXAMPLE = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0].splitlines()

SHAPES = [
    *(model.Project, model.OAuthClient, model.ApiKey, model.ServiceKey, model.Link, model.Tokens),
    *(model.RefreshState, model.HeldDevice, model.Placement),
    *(copies.ProjectCopy, copies.HomeCopy, copies.LinkCopy, copies.DeviceCopy),
    *(Work, moving.Header),
]


def names(shape):
    """Members of a value."""
    return shape.__struct_encode_fields__


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_member_is_on_the_page(shape):
    """One that is renamed or added changes the format: the page, and the version where its meaning changes."""
    assert [name for name in names(shape) if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("shape", [model.Project, model.ApiKey, model.ServiceKey, model.Link, Work])
def test_no_member_is_on_the_page_that_is_not_written(shape):
    """The members of these are listed in one row, in their order."""
    assert ", ".join(f"`{name}`" for name in names(shape)) in " ".join(PAGE.split())


def test_the_example_is_read():
    """By the commands line by line, and by the server; and its counts are right."""
    header = msgspec.json.decode(EXAMPLE[0], type=moving.Header)
    kinds = [export_file.piece_of(line.encode()).kind for line in EXAMPLE[1:-1]]
    read = [msgspec.json.decode(line, type=copies.Copy) for line in EXAMPLE[1:-1]]

    assert (header.format, header.version) == (copies.FORMAT, copies.VERSION)
    assert len(header.key) == FINGERPRINT_CHARACTERS
    assert kinds == list(export_file.KINDS)
    assert [copies.mistake_in(one) for one in read] == ["", "", ""]
    assert EXAMPLE[-1] + "\n" == export_file.end_mark(dict.fromkeys(kinds, 1)).decode()


def test_numbers_are_those_of_the_code():
    """Version, length of a line, digits of a fingerprint."""
    words = " ".join(PAGE.split())
    assert f"This is version {copies.VERSION}." in words
    assert f"A line has at most {copies.LINE_BYTES_MAX >> 20} MiB." in words
    assert f"the first {FINGERPRINT_CHARACTERS} hexadecimal digits" in words


def test_the_fingerprint_is_what_the_page_says():
    """Whoever has the key can make it with any tool."""
    import hashlib
    import hmac

    from homegraph.service.vault import Vault

    told = hmac.new(b"k" * 32, b"homegraph fingerprint", hashlib.sha256).hexdigest()
    assert Vault(b"k" * 32).fingerprint() == told[:FINGERPRINT_CHARACTERS]
