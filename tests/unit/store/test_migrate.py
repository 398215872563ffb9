"""Migrations: which are to be applied, and which databases are not for us."""

import pytest

from homegraph.errors import SchemaTooNew, StoreError
from homegraph.store.migrate import Applied, in_order, migrations, plan, read

FIRST = read("0001_pre_first.sql", "CREATE TABLE a (b);")
PRE = read("0002_pre_add_c.sql", "ALTER TABLE a ADD COLUMN c;")
POST = read("0002_post_drop_b.sql", "ALTER TABLE a DROP COLUMN b;")
KNOWN = in_order([POST, PRE, FIRST])


def applied(*ours):
    """What a database remembers of them."""
    return [Applied(one.number, one.phase, one.name, one.digest) for one in ours]


def test_a_file_is_read():
    """Number, half and name come from the file's name, the digest from its text."""
    assert (PRE.number, PRE.phase, PRE.name) == (2, "pre", "add_c")
    assert PRE.digest != read("0002_pre_add_c.sql", PRE.sql + " ").digest


@pytest.mark.parametrize("name", ["first.sql", "1_pre_a.sql", "0001_mid_a.sql", "0001_pre_A.sql"])
def test_a_file_with_another_name(name):
    """It is a mistake of ours."""
    with pytest.raises(ValueError, match="is named like"):
        read(name, "")


def test_the_order():
    """By number, pre before post; two in one place are a mistake."""
    assert KNOWN == (FIRST, PRE, POST)
    with pytest.raises(ValueError, match="same number"):
        in_order([PRE, PRE])


def test_what_is_to_be_applied():
    """Everything to a new database, nothing to one that has it all, the rest to any other."""
    assert plan(KNOWN, []) == KNOWN
    assert plan(KNOWN, applied(FIRST, PRE)) == (POST,)
    assert plan(KNOWN, applied(*KNOWN)) == ()


def test_a_database_that_is_newer():
    """A migration that we do not have was made by a newer version, also if only its second half is unknown."""
    with pytest.raises(SchemaTooNew, match="0002_post_drop_b"):
        plan((FIRST, PRE), applied(*KNOWN))


def test_a_newer_version_beside_this_one():
    """What it has added does not matter while both are there; what it has removed does."""
    newer = read("0003_pre_add_d.sql", ""), read("0003_post_drop_c.sql", "")

    assert plan(KNOWN, applied(*KNOWN, newer[0]), rolling=True) == ()
    with pytest.raises(SchemaTooNew, match="0003_post_drop_c"):
        plan(KNOWN, applied(*KNOWN, *newer), rolling=True)
    with pytest.raises(SchemaTooNew, match="0002_pre_add_c"):
        plan((FIRST, POST), applied(PRE), rolling=True)


def test_a_migration_that_read_differently():
    """Somebody edited what was released: better not to guess."""
    other = read("0001_pre_first.sql", "CREATE TABLE a (b TEXT);")
    with pytest.raises(StoreError, match="0001_pre_first was applied with another text") as caught:
        plan(KNOWN, applied(other))
    assert not isinstance(caught.value, SchemaTooNew)


def test_our_own():
    """Those that come with homegraph are in order and begin at one."""
    ours = migrations("sqlite")

    assert (ours[0].number, ours[0].phase) == (1, "pre")
    assert ours == in_order(ours)


def test_the_dialects_share_their_migrations():
    """What came after PostgreSQL's first schema is in both, under the same number and name; what was before is in that schema."""
    sqlite, postgres = (
        {one.label: one.number for one in migrations(dialect)} for dialect in ("sqlite", "postgres")
    )

    assert postgres.keys() <= sqlite.keys()
    assert [name for name in sqlite.keys() - postgres.keys() if sqlite[name] > 18] == []
    assert "0001_pre_first" in postgres
