"""The reference of settings: every key is on the page, with all that its row says, and what the page shows is true."""

import re
from pathlib import Path

import pytest

from homegraph.errors import SettingsError
from homegraph.settings.loading import PLATFORM_VARIABLES, load
from homegraph.settings.projects import KeySettings, LinkSettings, OAuthSettings, ProjectSettings
from homegraph.settings.reference import render_reference
from homegraph.settings.rows import CLIENT_VARIABLES, rows_of
from homegraph.settings.server import SETTINGS

PAGE = (Path(__file__).parents[2] / "docs/reference/settings.md").read_text()
TABLES = (ProjectSettings, KeySettings, OAuthSettings, LinkSettings)


def test_the_page_is_what_the_rows_say():
    """When this fails, make the page anew: its first line says how."""
    assert render_reference() == PAGE


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
def test_every_setting_has_a_section(setting):
    """Under its own heading stand its sentence, default, variable, flag, and what is expected."""
    _, _, rest = PAGE.partition(f"\n### `{setting.name}`\n")
    section, _, _ = rest.partition("\n##")

    for said in (
        setting.doc,
        f"Expected: {setting.kind.expected}",
        setting.default_text,
        f"`{setting.variable}`",
        setting.flag and f"`{setting.flag}`",
        setting.file_variable and f"`{setting.file_variable}`",
    ):
        assert said in section


@pytest.mark.parametrize(
    "row",
    [row for table in TABLES for row in rows_of(table)],
    ids=lambda each: each.name,
)
def test_every_key_of_a_project_has_a_line(row):
    """With its sentence, what is expected and its default."""
    keys = f"`{row.name}` or `{row.file_key}`" if row.is_hidden else f"`{row.name}`"
    default = "required" if row.is_required else row.default_text

    (line,) = [each for each in PAGE.splitlines() if each.startswith(f"| {keys} | {row.doc} |")]
    assert row.kind.expected in line
    assert default in line


def test_variables_that_are_no_settings_are_on_the_page():
    """Those of clients with their sentences, those of platforms by name."""
    for name, sentence in CLIENT_VARIABLES.items():
        assert f"| `{name}` | {sentence} |" in PAGE
    for name in PLATFORM_VARIABLES:
        assert f"`{name}`" in PAGE


def test_sentences_end_as_sentences_do():
    """What a row says is read as prose."""
    for row in (*SETTINGS, *(row for table in TABLES for row in rows_of(table))):
        assert re.search(r"[.)]$", row.doc), row.name


def test_the_example_is_a_file_that_loads(tmp_path):
    """Whoever copies it starts with something that works."""
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "homegraph.toml"
    path.write_text(example)
    path.chmod(0o600)
    settings = load({}, {}, None, tmp_path)

    assert ([each.id for each in settings.projects], settings.warnings) == (["acme"], ())


def test_the_example_shows_every_key_of_a_table_but_rare_ones(tmp_path):
    """A key that is missing here is missing on purpose."""
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    missing = {row.name for table in TABLES for row in rows_of(table) if row.name not in example}

    assert missing == {
        "number",
        "api_enabled",
        "suspended",
        "empty_sync",
        "sync_mode",
        "shrink_guard",
        "first_sync_failure",
        "flow",
        "execute_updates_states",
        "unknown_types",
        "unknown_traits",
        "catalog",
        "ca_file",
    }


def test_the_mistakes_on_the_page_are_those_that_are_told(tmp_path):
    """The sentences are shown as they really come."""
    (block,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "homegraph.toml").write_text(
        '\n\n[server]\nsync_timeout_seconds = "soon"\n[projects.acme]\nfulfillment_url = "http://a/"\n'
        'fulfilment_url = "http://b/"\n'
    )

    with pytest.raises(SettingsError) as caught:
        load({}, {}, None, tmp_path)
    assert f"{caught.value}\n" == block
