"""homegraph.toml: what it may say, and how every mistake in it is named."""

import dataclasses
import re
import textwrap
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homegraph.errors import SettingsError
from homegraph.settings.loading import load
from homegraph.settings.projects import (
    KeySettings,
    LinkSettings,
    OAuthSettings,
    ProjectSettings,
    derived_number,
)
from homegraph.settings.reference import EXAMPLE
from homegraph.settings.secret import Secret

URL = 'fulfillment_url = "http://127.0.0.1:3000/smarthome"\n'


@pytest.fixture
def loaded(tmp_path):
    """Load a file with this text."""

    def go(text):
        path = tmp_path / "homegraph.toml"
        path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        path.chmod(0o600)
        return load({}, {}, None, tmp_path)

    return go


@pytest.fixture
def refused(loaded):
    """The lines that a text is refused with."""

    def go(text):
        with pytest.raises(SettingsError) as caught:
            loaded(text)
        assert str(caught.value).startswith(f"{caught.value.place}: ")
        return str(caught.value).split("\n")

    return go


# --- what it may say -------------------------------------------------------------------------------------------


def test_a_whole_file(loaded, tmp_path):
    """Server and projects, with keys, the OAuth client and links."""
    settings = loaded(EXAMPLE)

    assert (str(settings.listen), settings.sources["listen"]) == (
        "127.0.0.1:4663",
        "homegraph.toml:2",
    )
    assert settings.warnings == ()
    assert settings.projects == (
        ProjectSettings(
            id="acme",
            fulfillment_url="http://127.0.0.1:3000/smarthome",
            api_keys=(
                KeySettings(Secret("my-first-api-key")),
                KeySettings(
                    Secret("my-second-api-key"),
                    expires=1896091200.0,
                    methods=("devices.requestSync",),
                    addresses=("10.0.0.0/8",),
                ),
            ),
            service_accounts=(tmp_path / "acme-sa.json",),
            oauth=OAuthSettings(
                client_id="homegraph",
                client_secret=Secret("my-client-secret"),
                authorization_url="http://127.0.0.1:3000/auth",
                token_url="http://127.0.0.1:3000/token",
                redirect_uri="http://127.0.0.1:4663/r/acme",
            ),
            links=(
                LinkSettings(
                    user="user-1",
                    access_token=Secret("my-access-token"),
                    refresh_token=Secret("my-refresh-token"),
                    expires_in=3600.0,
                ),
            ),
        ),
    )


def test_the_least_that_a_project_needs(loaded):
    """A fulfillment; everything else has a default, and the number follows from the id."""
    (project,) = loaded(f"[projects.acme]\n{URL}").projects

    assert (project.api_enabled, project.suspended, project.empty_sync) == (True, False, "keep")
    assert (project.api_keys, project.links, project.oauth) == ((), (), OAuthSettings())
    assert project.number == derived_number("acme")


@given(project_id=st.text(min_size=1, max_size=63))
def test_a_derived_number_looks_like_googles(project_id):
    """Twelve digits, the first not 0, and always the same for an id."""
    number = derived_number(project_id)

    assert re.fullmatch("[1-9][0-9]{11}", number)
    assert number == derived_number(project_id)


def test_projects_have_different_numbers():
    """The number tells projects apart, so it depends on all of the id."""
    assert len({derived_number(f"project-{index}") for index in range(1000)}) == 1000


def test_other_ways_of_saying_things(loaded):
    """Dotted keys, inline tables, text dates with any offset, single addresses, a given number."""
    (project,) = loaded(
        f"""\
        [projects]
        acme.number = "42"
        acme.{URL}
        acme.oauth = {{ client_auth = "basic", pkce = true, scopes = ["a", "b"], token_url = "" }}
        acme.api_keys = [{{ key = "k", expires = "2030-01-31T13:00:00+01:00", addresses = ["::1"] }}]
        """
    ).projects

    assert project.number == "42"
    assert project.oauth == OAuthSettings(client_auth="basic", pkce=True, scopes=("a", "b"))
    assert project.api_keys == (
        KeySettings(Secret("k"), expires=1896091200.0, addresses=("::1/128",)),
    )


def test_secrets_from_files_of_their_own(loaded, tmp_path):
    """Every secret of a project can stand beside the file instead of in it."""
    for name in ("client", "access", "refresh", "key"):
        (tmp_path / name).write_text(f"{name}-secret\n")
    (project,) = loaded(
        f"""\
        [projects.acme]
        {URL}
        api_keys = [{{ key_file = "key" }}]
        oauth = {{ client_secret_file = "client", token_url = "http://a/t" }}
        [[projects.acme.links]]
        user = "u"
        access_token_file = "access"
        refresh_token_file = "refresh"
        """
    ).projects

    assert project.api_keys[0].key.reveal() == "key-secret"
    assert project.oauth.client_secret.reveal() == "client-secret"
    assert project.links[0].access_token.reveal() == "access-secret"
    assert project.links[0].refresh_token.reveal() == "refresh-secret"


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "[server]", "[projects]", "\ufeff[server]\r\n"]
)
def test_a_file_that_says_nothing(loaded, text):
    """It is no mistake; a byte order mark and Windows line ends are none either."""
    assert loaded(text.encode()).projects == ()


# --- mistakes --------------------------------------------------------------------------------------------------

ASCII = "ASCII text without spaces"
ACME = f"[projects.acme]\n{URL}"
LINK = f"{ACME}[[projects.acme.links]]\n"
MISTAKES = [
    # keys
    (f"{ACME}\nfulfilment_url = 1", "4: projects.acme.fulfilment_url: unknown key; did you mean fulfillment_url?"),
    ("[server]\nlistn = 1", "2: server.listn: unknown key; did you mean listen?"),
    ("[server]\nqqq = 1", "2: server.qqq: unknown key"),
    ('"" = 1', '1: "": unknown key; known here: server, projects'),
    ("\nlisten = 1", "2: listen: unknown key; it belongs under [server]"),
    ("[project.acme]", "1: project: unknown key; did you mean projects?"),
    (
        f"{LINK}user = 'u'\naccess_token = 'a'\nagent_user = 1",
        ("6: projects.acme.links[0].agent_user: unknown key; "
        "known here: user, access_token, access_token_file, refresh_token, refresh_token_file, expires_in"),
    ),
    # tables and lists
    ("server = 1", "1: server: expected a table, got a number"),
    ("[[server]]", "1: server: expected a table, got a list"),
    ("projects = 'x'", "1: projects: expected tables such as [projects.acme]"),
    ("[projects]\nacme = 'hunter2'", "2: projects.acme: expected a table, got text"),
    (f"{ACME}oauth = [1]", "3: projects.acme.oauth: expected a table, got a list"),
    (f"{ACME}api_keys = 'hunter2'", "3: projects.acme.api_keys: expected a list, got text"),
    (f"{ACME}links = {{}}", "3: projects.acme.links: expected a list, got a table"),
    (f"{ACME}links = [\n'hunter2']", "4: projects.acme.links[0]: expected a table, got text"),
    (
        f"{ACME}api_keys = [\n'k',\n07:32:00]",
        "5: projects.acme.api_keys[1]: expected text or a table, got a date or time",
    ),
    # what is missing
    ("[projects.acme]", "1: projects.acme: needs fulfillment_url, an http:// or https:// address"),
    (f"{LINK}user = 'u'", f"3: projects.acme.links[0]: needs access_token, {ASCII}"),
    (f"{LINK}access_token = 'a'", "3: projects.acme.links[0]: needs user, text of 1 to 256 characters"),
    (
        f"{ACME}api_keys = [{{}}]",
        "3: projects.acme.api_keys[0]: needs key, 1 to 256 ASCII characters without spaces",
    ),
    # values
    (
        "[projects.'a b']",
        ('1: projects."a b": expected a project id: letters, digits, dots, hyphens and underscores, at most 63, '
        'a letter or digit first, got "a b"'),
    ),
    (
        "[projects.acme]\nfulfillment_url = ''",
        '2: projects.acme.fulfillment_url: expected an http:// or https:// address in ASCII and without spaces, got ""',
    ),
    (
        "[projects.acme]\nfulfillment_url = 'http://me:hunter2@a/'",
        "2: projects.acme.fulfillment_url: expected an http:// or https:// address without user name and password",
    ),
    (
        f"{ACME}number = '012'",
        '3: projects.acme.number: expected a decimal number as text, such as "123456789012", got "012"',
    ),
    (f"{ACME}suspended = 'no'", '3: projects.acme.suspended: expected true or false, got "no"'),
    (f"{ACME}empty_sync = 'drop'", '3: projects.acme.empty_sync: expected "keep" or "unlink", got "drop"'),
    (
        f"{ACME}api_keys = ['hunter2 ']",
        "3: projects.acme.api_keys[0]: expected 1 to 256 ASCII characters without spaces, got text that does not fit",
    ),
    (
        f"{ACME}api_keys = [{{key='k', expires=2030-01-01}}]",
        ("3: projects.acme.api_keys[0].expires: expected a date and time with offset, such as 2030-01-31T12:00:00Z, "
        "got 2030-01-01"),
    ),
    (
        f"{ACME}api_keys = [{{key='k', expires='2030-01-01T00:00:00'}}]",
        ("3: projects.acme.api_keys[0].expires: expected a date and time with offset, such as 2030-01-31T12:00:00Z, "
        'got "2030-01-01T00:00:00"'),
    ),
    (
        f"{ACME}api_keys = [{{key='k', expires='never'}}]",
        ("3: projects.acme.api_keys[0].expires: expected a date and time with offset, such as 2030-01-31T12:00:00Z, "
        'got "never"'),
    ),
    (
        f"{ACME}api_keys = [{{key='k', methods=['requestSync']}}]",
        ('3: projects.acme.api_keys[0].methods[0]: expected "devices.requestSync", '
        '"devices.reportStateAndNotification", "devices.query", "devices.sync" or "agentUsers.delete", '
        'got "requestSync"'),
    ),
    (
        f"{ACME}api_keys = [{{key='k', addresses=['10.0.0.1/8']}}]",
        ('3: projects.acme.api_keys[0].addresses[0]: expected a network such as "10.0.0.0/8", or an address, '
        'got "10.0.0.1/8"'),
    ),
    (
        f"{ACME}api_keys = [{{key='k', addresses=[10]}}]",
        '3: projects.acme.api_keys[0].addresses[0]: expected a network such as "10.0.0.0/8", or an address, got 10',
    ),
    (f"{ACME}service_accounts = [1]", "3: projects.acme.service_accounts[0]: expected the path of a key file, got 1"),
    (f"{ACME}oauth.client_id = 5", "3: projects.acme.oauth.client_id: expected text of at most 256 characters, got 5"),
    (f"{ACME}oauth.client_secret = 5", "3: projects.acme.oauth.client_secret: expected text of one line, got a number"),
    (
        f"{ACME}oauth.scopes = ['a b']",
        '3: projects.acme.oauth.scopes[0]: expected text without spaces, quotes and backslashes, got "a b"',
    ),
    (f"{ACME}oauth.client_auth = 'form'", '3: projects.acme.oauth.client_auth: expected "body" or "basic", got "form"'),
    (
        f"{LINK}user = 'u'\naccess_token = 'hunter2 …'",
        f"5: projects.acme.links[0].access_token: expected {ASCII}, got text that does not fit",
    ),
    (f"{LINK}user = 'u'\naccess_token = ''", f"5: projects.acme.links[0].access_token: expected {ASCII}, got empty text"),
    (
        f"{LINK}user = 'u'\naccess_token = 'a'\nexpires_in = 'soon'",
        ("6: projects.acme.links[0].expires_in: expected a whole number of seconds between 1 and 316224000, "
        'got "soon"'),
    ),
    (
        f"{ACME}oauth.client_secret_file = 5",
        "3: projects.acme.oauth.client_secret_file: expected the path of a file with the value, got 5",
    ),
    # more than one key
    (f"{ACME}api_keys = [\n'hunter2',\n'hunter2']", "5: projects.acme.api_keys[1]: the same key stands in projects.acme.api_keys[0]"),
    (
        f"{ACME}api_keys = ['hunter2']\n[projects.b]\n{URL}api_keys = ['hunter2']",
        "6: projects.b.api_keys[0]: the same key stands in projects.acme.api_keys[0]",
    ),
    (
        f"{LINK}user='u'\naccess_token='a'\n[[projects.acme.links]]\nuser='u'\naccess_token='b'",
        "7: projects.acme.links[1].user: this user has a link in this project already",
    ),
    # TOML itself
    ("[server]\nlisten = \n", "2:10: this is not TOML: Invalid value"),
    ("[server]\nlisten = 'x", "2:12: this is not TOML: Expected \"'\""),
    ("a = 1\na = 2", "2:6: this is not TOML: Cannot overwrite a value"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), MISTAKES)
def test_mistakes_are_named_with_line_key_and_what_was_expected(refused, text, sentence):
    """One sentence for one mistake, and never a secret in it."""
    assert refused(text) == [f"homegraph.toml:{sentence}"]


def test_a_key_that_cannot_be_printed_stays_on_its_line(refused):
    """One mistake is one line, whatever characters its key has."""
    (line,) = refused(f'{ACME}"a\\nb\\u2028c\\u009b" = 1')

    assert line.startswith(r'homegraph.toml:3: projects.acme."a\nb\u2028c\x9b": unknown key; ')


def test_all_mistakes_are_told_at_once_by_line(refused):
    """Nobody should have to start the server five times to mend five lines."""
    lines = refused(
        f"""\
        [projects.b]
        suspended = 1
        [server]
        concurrency = 0
        [projects.acme]
        {URL}api_keys = [1, "a b"]
        """
    )

    assert [line.split(" expected")[0] for line in lines] == [
        "homegraph.toml:1: projects.b: needs fulfillment_url, an http:// or https:// address",
        "homegraph.toml:2: projects.b.suspended:",
        "homegraph.toml:4: server.concurrency:",
        "homegraph.toml:7: projects.acme.api_keys[0]:",
        "homegraph.toml:7: projects.acme.api_keys[1]:",
    ]


def test_a_flood_of_mistakes_is_cut_and_counted(refused):
    """Fifty are more than anybody mends at a time."""
    lines = refused("[server]\n" + "".join(f"key_{index} = 1\n" for index in range(1000)))

    assert len(lines) == 51
    assert lines[0] == "homegraph.toml:2: server.key_0: unknown key"
    assert lines[-1] == "… and 950 more"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a = 1\nb = '\xff'\n", "homegraph.toml:2: this is not UTF-8"),
        (b"a = " + b"[" * 5000, "homegraph.toml:1: lists or tables are nested too deeply"),
        (b"#" * (16 * 2**20 + 1), "homegraph.toml: is larger than 16 MiB"),
    ],
)
def test_files_that_are_no_text_of_ours(refused, content, line):
    """Bytes that are not text, nesting without end, and whatever else is named by mistake."""
    assert refused(content) == [line]


def test_a_folder_is_no_file(tmp_path):
    """The operating system's reason is told, and no more of its words."""
    with pytest.raises(SettingsError) as caught:
        load({}, {}, tmp_path, tmp_path.parent)

    assert str(caught.value) == f"{tmp_path.name}: cannot be read: Is a directory"


# --- warnings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "mode", "warned"),
    [
        (f"{ACME}api_keys = ['k']", 0o644, True),
        (f"{ACME}oauth.client_secret = 's'", 0o644, True),
        (f"{ACME}api_keys = ['k']", 0o640, False),
        (f"{ACME}api_keys = [{{ key_file = 'homegraph.toml.key' }}]", 0o644, False),
        (ACME, 0o644, False),
    ],
)
def test_a_file_that_everybody_may_read_should_hold_no_secrets(tmp_path, text, mode, warned):
    """It is a warning, not a mistake, and secrets in files of their own do not count."""
    path = tmp_path / "homegraph.toml"
    path.write_text(text)
    path.chmod(mode)
    (tmp_path / "homegraph.toml.key").write_text("k")
    sentence = (
        "homegraph.toml: holds secrets, and everybody on this machine may read it; chmod 600 helps"
    )

    assert load({}, {}, None, tmp_path).warnings == ((sentence,) if warned else ())


def test_a_refresh_token_without_an_address_is_remarked(loaded):
    """It is allowed, for the access token may live for ever; it is hardly meant."""
    link = f"{LINK}user = 'u'\naccess_token = 'a'\nrefresh_token = 'r'"

    assert loaded(link).warnings == (
        "homegraph.toml: projects.acme: a refresh token cannot be used without oauth.token_url",
    )
    assert loaded(f"{link}\n[projects.acme.oauth]\ntoken_url = 'https://a/'").warnings == ()


@pytest.mark.parametrize(
    ("url", "network", "said"),
    [
        (
            "http://homeassistant:8123/x",
            "",
            "By http a name is called only within outbound_networks",
        ),
        ("http://homeassistant:8123/x", "172.18.0.0/16", ""),
        ("http://192.168.1.5/x", "", "192.168.1.5 is a private network"),
        ("http://192.168.1.5/x", "192.168.0.0/16", ""),
        ("http://169.254.169.254/x", "169.254.0.0/16", "169.254.169.254 is never called"),
        ("http://127.1/x", "", "neither a name nor a plain address"),
        ("http://localhost/x", "", ""),
        ("https://cloud.example/x?tenant=1", "", ""),
    ],
)
def test_a_url_that_is_never_called_is_remarked(loaded, url, network, said):
    """As far as it is known without asking a resolver; the server starts all the same."""
    networks = f"[server]\noutbound_networks = [{network!r}]\n" if network else ""
    urls = f"[projects.p]\nfulfillment_url = {url!r}\noauth.token_url = {url!r}\n"

    warnings = loaded(networks + urls).warnings

    assert [warning.partition(" ")[0] for warning in warnings] == (
        ["projects.p.fulfillment_url", "projects.p.oauth.token_url"] if said else []
    )
    assert all(said in warning for warning in warnings)


# --- anything at all -------------------------------------------------------------------------------------------

SECRET = "hunter2-hunter2"
LINES = st.sampled_from(
    [
        "[server]",
        "[projects.acme]",
        "[projects.b.oauth]",
        "[[projects.acme.links]]",
        "[[projects.acme.api_keys]]",
        *EXAMPLE.splitlines(),
        *(
            f"{key} = {value}"
            for key in (
                "database",
                "oauth",
                "links",
                "api_keys",
                "access_token",
                "key",
                "token_url",
            )
            for value in (
                f'"{SECRET}"',
                f'["{SECRET}"]',
                f'{{ key = "{SECRET} " }}',
                f'"http://me:{SECRET}@a/"',
                f'"http://a b/?token={SECRET}"',
                f'"postgres://me:{SECRET}@a"',
                "1979-05-27",
                "nan",
                "[[]]",
                "0x" + "f" * 5000,
            )
            # An address that is none is shown: who has mistyped it wants to see it. Only parts of one can be secret.
            if (key, value) != ("token_url", f'"{SECRET}"')
        ),
    ]
)
TEXTS = st.one_of(
    st.lists(LINES, max_size=12).map("\n".join).map(str.encode),
    st.text().map(str.encode),
    st.binary(),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all the texts of a property."""
    return tmp_path_factory.mktemp("texts")


@given(content=TEXTS)
@example(content=b'[server]\nlisten = "http://me:hunter2-hunter2@a/"')
@example(content=b'[server]\nlisten = "unix:http://me:hunter2-hunter2@a/"')
@example(content=b'[server]\nlog_level = "http://me:hunter2-hunter2@a/"')
def test_any_file_is_settings_or_a_mistake_with_a_place(folder, content):
    """Nothing else can come of it; the place's line exists, and no secret is in any message."""
    (folder / "homegraph.toml").write_bytes(content)
    try:
        settings = load({}, {}, None, folder)
    except SettingsError as error:
        told, lines = str(error), str(error).split("\n")
        for place in (error.place, *(line.split(": ")[0] for line in lines)):
            if not place.startswith("… and "):
                match = re.fullmatch(r"homegraph\.toml:(\d+)(:\d+)?", place)
                assert match
                assert 1 <= int(match[1]) <= content.count(b"\n") + 1
    else:
        told = f"{settings!r} {settings!s} {settings.warnings} {dataclasses.asdict(settings)}"
    assert SECRET not in told


def test_the_property_above_meets_both_ends(tmp_path):
    """The texts it draws from can be accepted as well as refused."""
    (tmp_path / "homegraph.toml").write_text(EXAMPLE)
    assert load({}, {}, None, tmp_path).projects

    (tmp_path / "homegraph.toml").write_text(EXAMPLE.replace("acme]", "acme!]"))
    with pytest.raises(SettingsError):
        load({}, {}, None, Path(tmp_path))
