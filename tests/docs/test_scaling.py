"""The page about scaling shows what the simulation says: its tables are those that the command prints."""

from pathlib import Path

from bench.simulation.__main__ import main

PAGE = Path(__file__).parents[2] / "docs/explanation/scaling.md"


def tables(text):
    """The tables of a text, as lists of lines, those of a head of their own by it."""
    found, table = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            table.append(line)
        elif table:
            found.append(table)
            table = []
    return found


def test_the_tables_are_what_the_simulation_says(capsys):
    """When this fails, costs or assumptions have changed: put the new tables on the page, and read it once more."""
    assert main([]) == 0

    printed = tables(capsys.readouterr().out)
    shown = tables(PAGE.read_text())
    assert len(printed) == 3
    assert all(table in shown for table in printed)
