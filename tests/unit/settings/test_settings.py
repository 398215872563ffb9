"""Settings: four sources and their order, what each value remembers, and what is refused."""

import dataclasses
from pathlib import Path

import pytest

from homegraph.errors import SettingsError
from homegraph.settings.addresses import ListenAddress
from homegraph.settings.loading import load
from homegraph.settings.rows import CLIENT_VARIABLES
from homegraph.settings.secret import Secret
from homegraph.settings.server import SETTINGS, Settings

KEY = "ISEhISEhISEhISEhISEhISEhISEhISEhISEhISEhISE="  # 32 bytes
LISTEN = {"file": "file:1", "variable": "variable:2", "flag": "flag:3"}


@pytest.fixture
def loaded(tmp_path):
    """Load with flags, variables, and the [server] table of a file in the current folder."""

    def go(server=None, *, flags=None, environ=None, config=None):
        if server is not None:
            (tmp_path / "homegraph.toml").write_text(f"[server]\n{server}\n")
        return load(flags or {}, environ or {}, config, tmp_path)

    return go


def refused(go, *args, **options):
    """The sentences that a load is refused with."""
    with pytest.raises(SettingsError) as caught:
        go(*args, **options)
    return str(caught.value).split("\n")


# --- sources ---------------------------------------------------------------------------------------------------


def test_nothing_said_means_the_defaults(loaded):
    """Without flags, variables and a file every setting has its default, and says so."""
    settings = loaded()

    assert dataclasses.replace(settings, sources={}) == Settings()
    assert {each.name: "default" for each in SETTINGS} == settings.sources
    assert settings.config is None


@pytest.mark.parametrize(
    ("sources", "host", "named"),
    [
        (("file",), "file", "homegraph.toml:2"),
        (("file", "variable"), "variable", "HOMEGRAPH_LISTEN"),
        (("variable",), "variable", "HOMEGRAPH_LISTEN"),
        (("file", "flag"), "flag", "flag --listen"),
        (("file", "variable", "flag"), "flag", "flag --listen"),
    ],
)
def test_flag_over_variable_over_file(loaded, sources, host, named):
    """The first source in this order wins, and the value remembers it."""
    settings = loaded(
        f'listen = "{LISTEN["file"]}"' if "file" in sources else None,
        environ={"HOMEGRAPH_LISTEN": LISTEN["variable"]} if "variable" in sources else {},
        flags={"listen": LISTEN["flag"] if "flag" in sources else None},
    )

    assert (host, named) == (settings.listen.host, settings.sources["listen"])


def test_every_setting_can_be_given_by_file_variable_and_caller(loaded):
    """No row is out of reach: what the page shows as default can be said in each of the three ways."""
    for each in SETTINGS:
        if each.name in {"encryption_key", "base_url", "data_dir"}:
            continue  # their defaults are no values; they have tests of their own
        said = {
            "file": loaded(f"{each.name} = {each.default_text}"),
            "variable": loaded("", environ={each.variable: each.default_text.strip('"[]') or " "}),
            "caller": loaded("", flags={each.name: each.default_text.strip('"[]')}),
        }

        assert {getattr(Settings(), each.name)} == {getattr(s, each.name) for s in said.values()}
        assert all(s.sources[each.name] != "default" for s in said.values()), each.name


def test_a_wrong_value_is_a_mistake_even_where_another_source_wins(loaded):
    """All sources are read to the end, and all mistakes are named in one error: the file's first."""
    lines = refused(
        loaded,
        "concurrency = 0\nlog_level = 'loud'",
        environ={"HOMEGRAPH_CONCURRENCY": "many"},
        flags={"concurrency": 8, "listen": "here"},
    )

    assert lines == [
        "homegraph.toml:2: server.concurrency: expected a whole number of runs between 1 and 1024, got 0",
        'homegraph.toml:3: server.log_level: expected "debug", "info", "warning" or "error", got "loud"',
        'HOMEGRAPH_CONCURRENCY: expected a whole number of runs between 1 and 1024, got "many"',
        '--listen: expected HOST:PORT, [IPV6]:PORT or unix:PATH, got "here"',
    ]


def test_an_empty_variable_counts_as_not_set(loaded):
    """Compose files pass variables through that nobody set."""
    settings = loaded(
        environ={"HOMEGRAPH_LISTEN": "", "PORT": "", "HOMEGRAPH_NO_SUCH": "", "DATABASE_URL": ""}
    )

    assert settings.listen == ListenAddress("127.0.0.1", 4663)


def test_an_unknown_variable_is_a_mistake_with_a_suggestion(loaded):
    """A misspelt variable must not go unnoticed."""
    lines = refused(loaded, environ={"HOMEGRAPH_LISTN": "x", "HOMEGRAPH_QQQQ": "x"})

    assert lines == [
        "HOMEGRAPH_LISTN: unknown variable; did you mean HOMEGRAPH_LISTEN?",
        "HOMEGRAPH_QQQQ: unknown variable",
    ]


def test_variables_of_clients_and_of_others_are_left_alone(loaded):
    """What the commands read is neither a setting nor a mistake, and other programs have variables too."""
    settings = loaded(environ={**dict.fromkeys(CLIENT_VARIABLES, ""), "HOME": "/", "LISTEN": "x"})
    clients = loaded(environ={name: "x" for name in CLIENT_VARIABLES if name != "HOMEGRAPH_CONFIG"})

    assert settings == clients == loaded()
    assert clients.base_url == ""


def test_a_flag_that_is_no_setting_is_refused(loaded):
    """A command that hands over a name that no row has is told so."""
    assert refused(loaded, flags={"lisen": "x"}) == ["there is no setting of this name: lisen"]


# --- the file --------------------------------------------------------------------------------------------------


def test_the_file_is_named_or_found(tmp_path):
    """A named file goes before HOMEGRAPH_CONFIG, that before ./homegraph.toml; messages name it as it was found."""
    for name in ("homegraph.toml", "variable.toml", "sub/flag.toml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'[server]\nlisten = "{path.stem}:1"\n')
    environ = {"HOMEGRAPH_CONFIG": "variable.toml"}

    found = [
        load({}, {}, None, tmp_path),
        load({}, environ, None, tmp_path),
        load({}, environ, Path("sub/flag.toml"), tmp_path),
        load({}, {}, tmp_path / "sub/flag.toml", tmp_path / "elsewhere"),
    ]

    assert [(each.listen.host, each.sources["listen"], each.config) for each in found] == [
        ("homegraph", "homegraph.toml:2", tmp_path / "homegraph.toml"),
        ("variable", "variable.toml:2", tmp_path / "variable.toml"),
        ("flag", "sub/flag.toml:2", tmp_path / "sub/flag.toml"),
        ("flag", f"{tmp_path}/sub/flag.toml:2", tmp_path / "sub/flag.toml"),
    ]


@pytest.mark.parametrize("environ", [{}, {"HOMEGRAPH_CONFIG": "no.toml"}])
def test_a_named_file_must_be_there(loaded, environ):
    """A file that somebody named and that is missing is a mistake."""
    config = None if environ else Path("no.toml")

    assert refused(loaded, environ=environ, config=config) == [
        "no.toml: cannot be read: No such file or directory"
    ]


# --- what platforms say ----------------------------------------------------------------------------------------


def test_port_is_honoured_when_nobody_says_where_to_listen(loaded):
    """A hosting platform's PORT means that port on every network."""
    settings = loaded(environ={"PORT": "8080"})

    assert settings.listen == ListenAddress("0.0.0.0", 8080)
    assert settings.sources["listen"] == "PORT"


def test_platform_variables_are_left_unread_when_they_are_not_needed(loaded):
    """Another program's PORT and DATABASE_URL, however odd, do not matter to who has said what he wants."""
    environ = {"PORT": "odd", "DATABASE_URL": "mysql://odd"}
    by_file = loaded('listen = "a:1"\ndatabase = "sqlite:a.db"', environ=environ)
    by_flag = loaded("", flags={"listen": "b:1", "database": "b.db"}, environ=environ)
    by_variable = loaded(
        "", environ={**environ, "HOMEGRAPH_LISTEN": "c:1", "HOMEGRAPH_DATABASE": "c.db"}
    )

    assert [(each.listen.host, each.database) for each in (by_file, by_flag, by_variable)] == [
        ("a", "sqlite:a.db"),
        ("b", "sqlite:b.db"),
        ("c", "sqlite:c.db"),
    ]


def test_wrong_platform_variables_say_how_to_set_them_aside(loaded):
    """They may belong to another program, so the sentence tells what goes before them."""
    lines = refused(loaded, environ={"PORT": "http", "DATABASE_URL": "mysql://me:hunter2@db/x"})

    assert lines == [
        'PORT: expected a whole number between 0 and 65535, got "http"; --listen or HOMEGRAPH_LISTEN go before it',
        (
            'DATABASE_URL: expected sqlite:NAME, sqlite:PATH, sqlite::memory: or postgresql://HOST/NAME, got an address that begins with "mysql:"'
            "; --db or HOMEGRAPH_DATABASE go before it"
        ),
    ]


# --- secrets ---------------------------------------------------------------------------------------------------


def test_a_secret_can_stand_in_a_file_of_its_own(loaded, tmp_path):
    """By key or by variable, relative to who says it, without the line break at the end."""
    (tmp_path / "key").write_text(f"{KEY}\r\n")
    (tmp_path / "db").write_text("sqlite:secret.db\n")
    by_key = loaded('encryption_key_file = "key"')
    by_variable = loaded("", environ={"HOMEGRAPH_DATABASE_FILE": "db"})

    assert (by_key.encryption_key.reveal(), by_key.sources["encryption_key"]) == (
        KEY,
        "homegraph.toml:2",
    )
    assert (by_variable.database, by_variable.sources["database"]) == (
        "sqlite:secret.db",
        "HOMEGRAPH_DATABASE_FILE",
    )


def test_a_secret_is_given_in_one_way(loaded, tmp_path):
    """Both ways at once would leave it open which one counts."""
    lines = refused(
        loaded,
        f'encryption_key = "{KEY}"\nencryption_key_file = "key"',
        environ={"HOMEGRAPH_ENCRYPTION_KEY": KEY, "HOMEGRAPH_ENCRYPTION_KEY_FILE": "key"},
    )

    assert lines == [
        "homegraph.toml:3: server.encryption_key_file: give either encryption_key or encryption_key_file, not both",
        "HOMEGRAPH_ENCRYPTION_KEY_FILE: set either HOMEGRAPH_ENCRYPTION_KEY or HOMEGRAPH_ENCRYPTION_KEY_FILE, not both",
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot read {path}: No such file or directory"),
        ("hunter2", "expected 32 bytes in base64 (44 characters), got text that does not fit"),
        ("", "expected 32 bytes in base64 (44 characters), got empty text"),
        ("A" * 65537, "{path} is larger than 64 KiB"),
    ],
)
def test_a_file_with_a_secret_that_does_not_fit(loaded, tmp_path, content, sentence):
    """The sentence names the file, and nothing that is in it."""
    path = tmp_path / "key"
    if content is not None:
        path.write_text(content)
    lines = refused(loaded, environ={"HOMEGRAPH_ENCRYPTION_KEY_FILE": str(path)})

    assert lines == ["HOMEGRAPH_ENCRYPTION_KEY_FILE: " + sentence.format(path=f'"{path}"')]


def test_a_secret_masks_itself():
    """However it is printed, only reveal() shows it; an empty one is false and equal ones are equal."""
    secret = Secret("hunter2")
    odd = Secret("\udcff")

    assert "hunter2" not in f"{secret} {secret!r} {[secret]} {vars(Settings)}"
    assert (str(secret), secret.reveal()) == ("Secret('…')", "hunter2")
    assert (bool(secret), bool(Secret())) == (True, False)
    assert {secret} == {Secret("hunter2")}
    assert len({secret, odd, Secret(), "hunter2"}) == 4


def test_settings_show_themselves_without_their_secrets(loaded):
    """What `status --settings` prints: every setting as the file would say it, with its source."""
    settings = loaded(
        "grace_seconds = '1m'", environ={"HOMEGRAPH_ENCRYPTION_KEY": KEY, "PORT": "80"}
    )
    shown = {name: (value, source) for name, value, source in settings.shown()}

    assert KEY not in f"{shown} {settings!r} {dataclasses.asdict(settings)}"
    assert list(shown) == [each.name for each in SETTINGS]
    assert {name: shown[name] for name in ("listen", "encryption_key", "grace_seconds")} == {
        "listen": ('"0.0.0.0:80"', "PORT"),
        "encryption_key": ("Secret('…')", "HOMEGRAPH_ENCRYPTION_KEY"),
        "grace_seconds": ("60", "homegraph.toml:2"),
    }


# --- kinds of values -------------------------------------------------------------------------------------------

FITTING = [
    ("listen", "[::1]:0", ListenAddress("::1", 0)),
    ("listen", "a:65535", ListenAddress("a", 65535)),
    ("listen", "localhost:4663", ListenAddress("localhost", 4663)),
    ("listen", "unix:/run/hg.sock", ListenAddress(path="/run/hg.sock")),
    ("database", ":memory:", "sqlite::memory:"),
    ("database", "sqlite::memory:", "sqlite::memory:"),
    ("database", "home.db", "sqlite:home.db"),
    ("database", "sqlite:/a/b.db", "sqlite:/a/b.db"),
    ("base_url", "https://home.example:8443/graph/", "https://home.example:8443/graph"),
    ("base_url", "http://[::1]:1", "http://[::1]:1"),
    ("explain", "No", False),
    ("explain", " true ", True),
    ("json_404", False, False),
    ("body_max_bytes", "2048", 2048),
    ("body_max_bytes", 2048, 2048),
    ("body_max_bytes", "2 MiB", 2 * 2**20),
    ("body_max_bytes", "3kB", 3000),
    ("sync_timeout_seconds", "45", 45.0),
    ("sync_timeout_seconds", 45.0, 45.0),
    ("sync_timeout_seconds", "5m", 300.0),
    ("retry_first_seconds", "250ms", 0.25),
    ("retry_first_seconds", "0.5", 0.5),
    ("retry_longest_seconds", "1d", 86400.0),
    ("concurrency", " 3 ", 3),
    ("unknown_async", "accept", "accept"),
    ("allowed_hosts", "Home.LAN, [::1],10.0.0.1", ("home.lan", "::1", "10.0.0.1")),
    ("encryption_key", KEY, Secret(KEY)),
]


@pytest.mark.parametrize(("name", "given", "value"), FITTING)
def test_values_that_fit(loaded, name, given, value):
    """Flags and variables are read as people write them."""
    assert value == getattr(loaded(flags={name: given}), name)


HOSTS = "a host name or IP address without port"
URL = "an http:// or https:// address"
DATABASE = "sqlite:NAME, sqlite:PATH, sqlite::memory: or postgresql://HOST/NAME"
POSTGRES = "postgresql://USER:PASSWORD@HOST:PORT/NAME, with %… for whatever is special in a part"
LISTENS = "HOST:PORT, [IPV6]:PORT or unix:PATH"
UNFIT = [
    ("listen", "4663", f'expected {LISTENS}, got "4663"'),
    ("listen", ":4663", f'expected {LISTENS}, got ":4663"'),
    ("listen", "a:65536", f'expected {LISTENS}, got "a:65536"'),
    ("listen", "a:٣", f'expected {LISTENS}, got "a:٣"'),
    ("listen", "::1:80", f'expected {LISTENS}, got "::1:80"'),
    ("listen", "[::g]:80", f'expected {LISTENS}, got "[::g]:80"'),
    ("listen", "[::12:80", f'expected {LISTENS}, got "[::12:80"'),
    ("listen", "unix:", f'expected {LISTENS}, got "unix:"'),
    ("listen", 4663, f"expected {LISTENS}, got 4663"),
    ("listen", 4.5, f"expected {LISTENS}, got 4.5"),
    ("listen", ["a"], f"expected {LISTENS}, got a list"),
    ("database", "sqlite:", f"expected {DATABASE}, got text that does not fit"),
    ("database", "sqlite:a/", f"expected {DATABASE}, got an address that is none of them"),
    ("database", "sqlite:..", f"expected {DATABASE}, got an address that is none of them"),
    ("database", "sqlite:///a.db", f"expected {DATABASE}, got an address that is none of them"),
    ("database", "mysql://x", f'expected {DATABASE}, got an address that begins with "mysql:"'),
    ("database", 3, f"expected {DATABASE}, got a number"),
    ("database", "postgresql://me:hunter/2@db/x", f"expected {POSTGRES}"),
    ("database", "postgres://me:hunter2@hunter2@db/x", f"expected {POSTGRES}"),
    ("database", "postgresql://db/x?password=hunter2@", f"expected {POSTGRES}"),
    ("database", "postgresql:hunter2", f"expected {POSTGRES}"),
    ("database", "postgresql://me:hunter 2@db", f"expected {POSTGRES}"),
    ("base_url", "home.example", f'expected {URL}, got "home.example"'),
    ("base_url", "ftp://a/?t=hunter2", f'expected {URL}, got "ftp://a/?…"'),
    ("base_url", "http://", f'expected {URL}, got "http://"'),
    ("base_url", "http://a:b/", f'expected {URL}, got "http://a:b/"'),
    ("base_url", "http://[::g]/", f'expected {URL}, got "http://[::g]/"'),
    ("base_url", "http://-a/", f'expected {URL}, got "http://-a/"'),
    ("base_url", "http://a/?q", f'expected {URL} without a query (?…), got "http://a/?…"'),
    ("base_url", "http://a/#q", f'expected {URL} without a fragment (#…), got "http://a/#q"'),
    ("base_url", "http://me:hunter2@a", f"expected {URL} without user name and password"),
    ("base_url", "ftp://me:hunter2@a", f"expected {URL}"),
    ("base_url", "http://me:hunter2@a b", f"expected {URL} in ASCII and without spaces"),
    ("base_url", "http://a b", f'expected {URL} in ASCII and without spaces, got "http://a b"'),
    ("base_url", True, f"expected {URL}, got true"),
    ("explain", "maybe", 'expected true or false, got "maybe"'),
    ("explain", 1, "expected true or false, got 1"),
    (
        "body_max_bytes",
        "1Mb",
        'expected a number of bytes (or text such as "8MiB") between 1KiB and 64MiB, got "1Mb"',
    ),
    (
        "body_max_bytes",
        1023,
        'expected a number of bytes (or text such as "8MiB") between 1KiB and 64MiB, got 1023',
    ),
    (
        "journal_body_bytes",
        True,
        'expected a number of bytes (or text such as "8MiB") between 0 and 1MiB, got true',
    ),
    (
        "sync_timeout_seconds",
        "soon",
        'expected a whole number of seconds between 1 and 600, got "soon"',
    ),
    (
        "sync_timeout_seconds",
        601,
        "expected a whole number of seconds between 1 and 600, got 601",
    ),
    (
        "sync_timeout_seconds",
        "500ms",
        'expected a whole number of seconds between 1 and 600, got "500ms"',
    ),
    (
        "sync_timeout_seconds",
        1.5,
        "expected a whole number of seconds between 1 and 600, got 1.5",
    ),
    (
        "retry_first_seconds",
        float("nan"),
        "expected a number of seconds between 0.01 and 3600, got nan",
    ),
    (
        "retry_first_seconds",
        True,
        "expected a number of seconds between 0.01 and 3600, got true",
    ),
    pytest.param(
        "history_days",
        16**5000,
        "expected a whole number of days between 1 and 3650, got a huge number",
        id="a huge number",  # pytest could not print it either
    ),
    ("history_days", 7.0, "expected a whole number of days between 1 and 3650, got 7.0"),
    ("unknown_async", "404", 'expected "refuse" or "accept", got "404"'),
    ("allowed_hosts", "a,b:1", f'[1]: expected {HOSTS}, got "b:1"'),
    ("allowed_hosts", 3, "expected a list, got a number"),
    ("data_dir", "a\x00b", 'expected a path, got "a\\u0000b"'),
    ("data_dir", "a\udcff", 'expected a path, got "a\\udcff"'),
    ("data_dir", "x" * 5000, f'expected a path, got "{"x" * 59}…"'),
    (
        "encryption_key",
        "aHVudGVyMg==",
        "expected 32 bytes in base64 (44 characters), got text that does not fit",
    ),
]


@pytest.mark.parametrize(("name", "given", "sentence"), UNFIT)
def test_values_that_do_not_fit(loaded, name, given, sentence):
    """The sentence says what was expected and, where it is no secret, what came."""
    flag = next(each.flag or each.name for each in SETTINGS if each.name == name)

    assert refused(loaded, flags={name: given}) == [f"{flag}: {sentence}"]


# --- what follows from them ------------------------------------------------------------------------------------


def test_paths_start_where_they_were_written(tmp_path):
    """In the file's folder for the file, in the current one for flags and variables, at home for ~."""
    (tmp_path / "sub").mkdir()
    config = tmp_path / "sub/homegraph.toml"
    config.write_text(
        '[server]\ndata_dir = "data"\ndatabase = "./home.db"\nlisten = "unix:hg.sock"\n'
    )
    file = load({}, {}, config, tmp_path)
    flag = load({"data_dir": Path("data"), "database": "dbs/home.db"}, {}, None, tmp_path)
    home = load({"data_dir": "~/data"}, {}, None, tmp_path)
    nobody = load({"data_dir": "~nobody-of-this-name/data"}, {}, None, tmp_path)

    assert (file.data_dir, file.database_path, file.listen.path) == (
        tmp_path / "sub/data",
        f"{tmp_path}/sub/home.db",
        f"{tmp_path}/sub/hg.sock",
    )
    assert (flag.data_dir, flag.database_path) == (tmp_path / "data", f"{tmp_path}/dbs/home.db")
    assert home.data_dir == Path.home() / "data"
    assert nobody.data_dir == tmp_path / "~nobody-of-this-name/data"


def test_a_bare_database_name_lives_in_the_data_folder(loaded):
    """A name is a file in data_dir, memory is memory."""
    flags = {"data_dir": "/data"}

    name = loaded(flags={**flags, "database": "sqlite:x.db"})
    memory = loaded(flags={**flags, "database": "sqlite::memory:"})

    assert loaded(flags=flags).database_path == "/data/home.db"
    assert (name.database_path, name.database_text) == ("/data/x.db", "sqlite:/data/x.db")
    assert (memory.database_path, memory.database_text) == (":memory:", "in memory")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://db", "postgresql://db"),
        ("postgres://me:hunter2@db:5432/home", "postgresql://db:5432/home"),
        ("postgresql://me@a:1,[::1]:2/home?password=hunter2", "postgresql://a:1,[::1]:2/home"),
        ("postgresql:///home?host=/run", "postgresql:///home"),
    ],
)
def test_a_postgresql_database(loaded, url, shown):
    """It is taken as it is, from a file or where a platform names it; shown are its hosts and its name."""
    for settings in (loaded(flags={"database": url}), loaded(environ={"DATABASE_URL": url})):
        assert (settings.database, settings.database_path) == (url, url)
        assert settings.database_text == shown
        assert {row[0]: row[1] for row in settings.shown()}["database"] == f'"{shown}"'
        assert "hunter2" not in str(settings.shown())


@pytest.mark.parametrize(
    ("flags", "extra"),
    [
        ({}, set()),
        ({"listen": "0.0.0.0:0"}, set()),
        ({"listen": "[::]:0"}, set()),
        ({"listen": "[fd00::1]:0"}, {"fd00::1"}),
        ({"listen": "Attic:0"}, {"attic"}),
        ({"listen": "unix:/run/x"}, set()),
        ({"base_url": "https://Home.example/g"}, {"home.example"}),
        ({"allowed_hosts": "nas"}, {"nas"}),
    ],
)
def test_which_hosts_are_answered(loaded, flags, extra):
    """The loopback's, and those that the settings name: where the server listens, base_url, allowed_hosts."""
    settings = loaded(flags=flags)

    assert {"localhost", "127.0.0.1", "::1"} | extra == settings.hosts


def test_an_address_is_written_as_it_is_read(loaded):
    """Every form of an address can be copied back into a setting."""
    for text in ("127.0.0.1:1", "[::1]:2", "attic:0", "unix:/run/hg.sock"):
        assert text == str(loaded(flags={"listen": text}).listen)


def test_listening_everywhere_is_known():
    """A wildcard, of either family."""
    hosts = ("0.0.0.0", "::", "127.0.0.1", "")

    assert [ListenAddress(host).is_everywhere for host in hosts] == [True, True, False, False]
