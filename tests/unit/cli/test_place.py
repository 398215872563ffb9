"""Where the commands look for the server and its token."""

from __future__ import annotations

from pathlib import Path

import pytest

from homegraph.cli.place import Place, find, token
from homegraph.errors import AdminRefused, SettingsError

DEFAULT = "http://127.0.0.1:4663"


def write(folder: Path, text: str) -> None:
    """Write the settings file."""
    (folder / "homegraph.toml").write_text(text)


class TestFind:
    @pytest.mark.parametrize(
        ("listen", "expected"),
        [
            ("127.0.0.1:80", "http://127.0.0.1:80"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("[::1]:80", "http://[::1]:80"),
            (":80", "http://127.0.0.1:80"),
            ("localhost:80", "http://localhost:80"),
        ],
    )
    def test_address_to_call_is_made_from_the_one_to_listen_at(self, tmp_path, listen, expected):
        """What the server listens at is turned into what can be called."""
        write(tmp_path, f'[server]\nlisten = "{listen}"\n')

        assert find(None, None, environment={}, folder=tmp_path).server == expected

    @pytest.mark.parametrize("listen", ["unix:/run/homegraph/socket", "127.0.0.1:0"])
    def test_address_that_nobody_can_call_names_both_options(self, tmp_path, listen):
        """`homegraph request-sync` knows no --server: the option that it has for it is named, too."""
        write(tmp_path, f'[server]\nlisten = "{listen}"\n')

        with pytest.raises(SettingsError) as refused:
            find(None, None, environment={}, folder=tmp_path)
        assert "--server, or --base-url where a command has that" in refused.value.hint

    def test_first_that_is_given_counts(self, tmp_path):
        """Option, HOMEGRAPH_LISTEN, file, PORT, default: in this order."""
        environment = {"HOMEGRAPH_LISTEN": "127.0.0.1:2", "PORT": "4"}
        write(tmp_path, '[server]\nlisten = "127.0.0.1:3"\n')

        def server(option, environment):
            return find(option, None, environment=environment, folder=tmp_path).server

        assert server("http://one:1/", environment) == "http://one:1"
        assert server(None, environment) == "http://127.0.0.1:2"
        assert server(None, {"PORT": "4"}) == "http://127.0.0.1:3"
        write(tmp_path, "")
        assert server(None, {"PORT": "4"}) == "http://127.0.0.1:4"
        assert server(None, {}) == DEFAULT

    def test_a_home_that_nobody_has_is_a_name_like_any_other(self, tmp_path):
        """The server takes it so, too: its folder is found, and nothing has a bug."""
        write(tmp_path, '[server]\ndata_dir = "~nobody-is-called-so/data"\n')
        expected = tmp_path / "~nobody-is-called-so" / "data"

        for option in (None, "~nobody-is-called-so/data"):
            assert find(None, option, environment={}, folder=tmp_path).data_dir == expected

    def test_data_folder_of_the_file_is_beside_the_file(self, tmp_path):
        """A relative folder begins where the file is, wherever the command is called."""
        (tmp_path / "etc").mkdir()
        (tmp_path / "etc" / "home.toml").write_text('[server]\ndata_dir = "data"\n')
        environment = {"HOMEGRAPH_CONFIG": "etc/home.toml"}

        place = find(None, None, environment=environment, folder=tmp_path)

        assert place.data_dir == tmp_path / "etc" / "data"

    def test_data_folder_by_option(self, tmp_path):
        """The option counts more than the file."""
        write(tmp_path, '[server]\ndata_dir = "data"\n')

        place = find(None, "mine", environment={}, folder=tmp_path)

        assert place.data_dir == tmp_path / "mine"

    @pytest.mark.parametrize("listen", ["unix:/run/h.sock", "127.0.0.1:0", "127.0.0.1"])
    def test_address_that_cannot_be_called(self, tmp_path, listen):
        """A socket file, or a port that the server chooses, needs --server, and the message says so."""
        write(tmp_path, f'[server]\nlisten = "{listen}"\n')

        with pytest.raises(SettingsError, match=r"homegraph\.toml"):
            find(None, None, environment={}, folder=tmp_path)

    def test_mistakes_elsewhere_in_the_file_do_not_matter(self, tmp_path):
        """A command can ask a running server although its file is being edited."""
        write(tmp_path, '[server]\nlisten = "127.0.0.1:3"\nnonsense = 1\n[projects]\nx = 1\n')

        assert find(None, None, environment={}, folder=tmp_path).server == "http://127.0.0.1:3"

    @pytest.mark.parametrize("text", ["[server", f"a = {'[' * 5_000}"])
    def test_file_that_cannot_be_read(self, tmp_path, text):
        """Broken TOML is named, or what is nested without end, unless options make the file needless."""
        write(tmp_path, text)

        with pytest.raises(SettingsError, match=r"homegraph\.toml"):
            find(None, None, environment={}, folder=tmp_path)
        find("http://h", "d", environment={}, folder=tmp_path)


class TestToken:
    def test_sources_in_order(self, tmp_path):
        """The variable, the file that a variable names, the data folder."""
        place = Place(DEFAULT, tmp_path)
        (tmp_path / "admin-token").write_text("from-folder\n")
        (tmp_path / "other").write_text("from-file\n")
        named = {"HOMEGRAPH_ADMIN_TOKEN_FILE": str(tmp_path / "other")}

        assert token(place, {"HOMEGRAPH_ADMIN_TOKEN": "direct", **named}).value == "direct"
        assert token(place, named).value == "from-file"
        assert token(place, {}).value == "from-folder"

    def test_repr_does_not_tell_it(self, tmp_path):
        """Printing what was found does not give it away."""
        assert "direct" not in repr(
            token(Place(DEFAULT, tmp_path), {"HOMEGRAPH_ADMIN_TOKEN": "direct"})
        )

    @pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
    def test_missing_or_useless(self, tmp_path, content):
        """The message names the file that was looked for."""
        if content is not None:
            (tmp_path / "admin-token").write_bytes(content)

        with pytest.raises(AdminRefused, match="admin-token"):
            token(Place(DEFAULT, tmp_path), {})

    def test_token_that_cannot_be_sent(self, tmp_path):
        """Bytes that are no text are no token, and are not repeated."""
        with pytest.raises(AdminRefused, match="HOMEGRAPH_ADMIN_TOKEN is not a token") as caught:
            token(Place(DEFAULT, tmp_path), {"HOMEGRAPH_ADMIN_TOKEN": "hush\udcff"})
        assert "hush" not in str(caught.value)

    def test_local_token_is_not_sent_elsewhere(self, tmp_path):
        """The default folder's token belongs to the server of this machine; another machine's server does not get it."""
        elsewhere = find("http://example.com", None, environment={}, folder=tmp_path)

        with pytest.raises(AdminRefused, match=r"example\.com"):
            token(elsewhere, {})
        assert token(elsewhere, {"HOMEGRAPH_ADMIN_TOKEN": "given"}).value == "given"
        assert not find("http://example.com", "d", environment={}, folder=tmp_path).elsewhere
        assert not find("http://localhost:1", None, environment={}, folder=tmp_path).elsewhere
