"""Named statements, read from files."""

import pytest

from homegraph.store import statements


def test_a_file_is_taken_apart():
    """Name, purpose, statement; the text is what the file has, without its comments."""
    text = "-- find_link --\n-- One link.\nSELECT 1\nFROM link;\n\n-- begin --\n-- Start.\n-- Yes.\nBEGIN;\n"

    assert list(statements.split(text, "x.sql")) == [
        ("find_link", "SELECT 1\nFROM link;"),
        ("begin", "BEGIN;"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1;\n-- a --\n-- One.\nSELECT 2;", "before the first header"),
        ("-- a --\nSELECT 1;", "a has no line that says what it is for"),
    ],
)
def test_a_file_that_breaks_the_form(text, message):
    """It is refused by name: such a file is a mistake of ours."""
    with pytest.raises(ValueError, match=rf"x\.sql: .*{message}"):
        list(statements.split(text, "x.sql"))


def test_the_statements_of_a_dialect():
    """They are there by name, read once, and cannot be changed."""
    loaded = statements.load("sqlite")

    assert loaded is statements.load("sqlite")
    assert loaded["commit"] == "COMMIT;"
    with pytest.raises(TypeError):
        loaded["commit"] = "ROLLBACK;"


def test_a_name_that_is_there_twice(tmp_path, monkeypatch):
    """Two statements of one name are a mistake, in whatever files they are."""
    folder = tmp_path / "sql" / "twice"
    folder.mkdir(parents=True)
    for name in ("a.sql", "b.sql"):
        (folder / name).write_text("-- one --\n-- One.\nSELECT 1;\n")
    (folder / "notes.txt").write_text("not read")
    monkeypatch.setattr(statements, "files", lambda _: tmp_path)

    with pytest.raises(ValueError, match=r"b\.sql: the statement one is there twice"):
        statements.load.__wrapped__("twice")
