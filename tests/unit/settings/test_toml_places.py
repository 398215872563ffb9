"""Where a key stands: every key of a text is found on the line it was written on."""

import textwrap
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homegraph.settings.places import lines_of, nearest

TEXT = textwrap.dedent(
    '''\
    top = 1  # [not.a.table]
    [server]
    listen = "a#[b]"
    hosts = [
      "x", # one, two
      [2, 3],

      {a = 1, b = [2]}, "y",
    ]
    "quo\\"ted".inner = """
    [fake]
    many = "lines" """
    'li"teral' = \'\'\'
    three\'\'\'\'\'
    [ projects . "x.y" ]
    oauth = { client_id = "c" }
    when = 1979-05-27 07:32:00
    [projects.acme.oauth]
    client.id = 1
    [projects.acme]
    number = "1"
    [[projects.acme.links]]
    user = "a"
    [projects.acme.links.more]
    deep = true
    [[projects.acme.links]]  # the second
    user = "b"
    '''
)


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (1, ("top",)),
        (2, ("server",)),
        (3, ("server", "listen")),
        (4, ("server", "hosts")),
        (5, ("server", "hosts", 0)),
        (6, ("server", "hosts", 1)),
        (8, ("server", "hosts", 2)),
        (8, ("server", "hosts", 3)),
        (10, ("server", 'quo"ted', "inner")),
        (13, ("server", 'li"teral')),
        (15, ("projects", "x.y")),
        (16, ("projects", "x.y", "oauth", "client_id")),
        (17, ("projects", "x.y", "when")),
        (18, ("projects", "acme", "oauth")),
        (19, ("projects", "acme", "oauth", "client", "id")),
        (20, ("projects", "acme")),
        (21, ("projects", "acme", "number")),
        (22, ("projects", "acme", "links")),
        (22, ("projects", "acme", "links", 0)),
        (23, ("projects", "acme", "links", 0, "user")),
        (25, ("projects", "acme", "links", 0, "more", "deep")),
        (26, ("projects", "acme", "links", 1)),
        (27, ("projects", "acme", "links", 1, "user")),
    ],
)
def test_every_way_of_writing_a_key(line, path):
    """Headers, dotted and quoted keys, arrays of tables and elements are found where they stand."""
    value = tomllib.loads(TEXT)
    for key in path:
        value = value[key]

    assert line == nearest(lines_of(TEXT), path)


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (20, ("projects", "acme", "fulfillment_url")),
        (26, ("projects", "acme", "links", 1, "access_token")),
        (8, ("server", "hosts", 2, "a")),
        (1, ("nowhere", "at", "all")),
    ],
)
def test_what_is_not_there_is_placed_where_it_should_be(line, path):
    """A missing key is placed at its table, the inside of an inline table at what holds it."""
    assert line == nearest(lines_of(TEXT), path)


KEYS = st.text("ab-_.é\"'\\ #[]=", min_size=1, max_size=4).map(lambda text: (text,)) | st.tuples(
    st.sampled_from("abc"), st.sampled_from("xyz")
)
VALUES = st.sampled_from(
    [
        "1",
        '"# not a comment"',
        "'[x]'",
        '"""\na\n\\""" "" """""',
        "'''\n[[t]]\n'''''",
        "[1, # c ]\n [2, 3], {a = ']'},\n]",
        """\"\"\"a\"\"\"\" # " [""",
        "'''a'''' # ' [",
        "[]",
        "{ a = 1, b.c = [1, 2] }",
        "07:32:00",
        '"\\u005d\\""',
    ]
)
STATEMENTS = st.lists(st.tuples(KEYS, VALUES, st.sampled_from(["", " # [c]\n", "\n\n  "])))
TABLES = st.lists(
    st.tuples(st.tuples(st.booleans(), st.lists(KEYS, min_size=1, max_size=2)), STATEMENTS)
)


def written(key):
    """A key as TOML; quoted unless it is one plain letter, so that any text can be one."""
    quoted = ('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in key)
    return ".".join(
        part if part in set("abcxyz") else text for part, text in zip(key, quoted, strict=True)
    )


@given(tables=TABLES)
def test_keys_of_any_text_are_found_on_their_line(tables):
    """Whatever comes before it, a key's line is the line its writer counted."""
    text, expected, arrays, table = "", {}, {}, ()
    for (is_array, keys), statements in [((False, []), []), *tables]:
        flat = [part for key in keys for part in key]
        if flat:
            header = written(flat)
            draft = text + (f"[[{header}]]\n" if is_array else f"[{header}]\n")
            if not is_toml(draft):
                continue
            line, text = text.count("\n") + 1, draft
            table = resolved(flat, arrays, is_array=is_array)
            expected[table] = line
        for key, value, gap in statements:
            draft = f"{text}{written(key)} = {value}{gap}\n"
            if not is_toml(draft):
                continue
            expected[(*table, *key)] = text.count("\n") + 1
            text = draft

    found = lines_of(text)

    assert expected == {path: found.get(path) for path in expected}


def resolved(keys, arrays, *, is_array):
    """The path of a header, arrays of tables standing for their latest table."""
    path = ()
    for key in keys[:-1]:
        path = (*path, key)
        if path in arrays:
            path = (*path, arrays[path])
    path = (*path, keys[-1])
    if is_array:
        arrays[path] = arrays.get(path, -1) + 1
        path = (*path, arrays[path])
    return path


def is_toml(text):
    """Whether tomllib accepts it (a key may stand once only)."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
