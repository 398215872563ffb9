"""The tutorial: what it shows is what happens, and what it asks for works."""

import asyncio
import io
import re
import shlex
from pathlib import Path

import pytest
import typer

from homegraph.cli.app import root
from homegraph.demo.narrator import Narrator
from homegraph.demo.story import ANY_PORT, staged, tell
from homegraph.settings.loading import load
from homegraph.wire.status import REASONS

PATH = Path(__file__).parents[2] / "docs/tutorial/first-sync.md"
PAGE = PATH.read_text()
DEMO, OWN = PAGE.split("\n## 2. ")


def blocks(text, language):
    """The code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def without_chance(text):
    """A text without what is another with every run: ports, keys, times."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    text = re.sub(r"key=AIza[\w-]+", "key=AIza…", text)
    return re.sub(r"after \d+ ms", "after N ms", text)


@pytest.fixture(scope="module")
def story():
    """What the demo really prints."""
    stream = io.StringIO()

    async def told():
        async with staged(Narrator(stream, coloured=False), listen=ANY_PORT) as stage:
            await tell(stage)

    asyncio.run(told())
    return without_chance(stream.getvalue())


@pytest.mark.parametrize("block", blocks(DEMO, "console"))
def test_the_demo_prints_what_is_shown(story, block):
    """To the letter, but for ports, keys and times."""
    assert without_chance(block) in story


def test_the_steps_are_all_there(story):
    """The page follows the demo; the last two steps are told together."""
    titles = re.findall(r"^\d+  (.*)$", story, re.MULTILINE)

    assert re.findall(r"^### (.*)$", DEMO, re.MULTILINE) == [*titles[:8], "Two mistakes"]
    assert titles[8:] == ["A wrong key", "An unknown user"]


def test_the_file_loads(tmp_path):
    """It declares a project with a key and an adopted link, and nothing about it is remarkable."""
    (example,) = blocks(OWN, "toml")
    (tmp_path / "homegraph.toml").write_text(example)
    (tmp_path / "homegraph.toml").chmod(0o600)
    settings = load({}, {}, None, tmp_path)
    (project,) = settings.projects

    assert settings.warnings == ()
    assert (project.id, project.fulfillment_url) == ("acme", "http://127.0.0.1:3000/smarthome")
    assert [key.key.reveal() in PAGE for key in project.api_keys] == [True]
    assert [link.user for link in project.links] == ["me"]


def test_the_curl_line_shows_the_key_of_the_file():
    """Whoever copies both has a call that is answered."""
    (key,) = re.findall(r'^api_keys = \["(.*)"\]$', OWN, re.MULTILINE)

    assert f'devices:requestSync?key={key}"' in OWN


COMMANDS = [
    match.removeprefix("homegraph ")
    for text in (*blocks(PAGE, "console"), *blocks(PAGE, "sh"), *re.findall(r"`([^`\n]+)`", PAGE))
    for match in re.findall(r"^(?:\$ | +)?(homegraph .*)$", text, re.MULTILINE)
]


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_exist(line):
    """With their arguments and options, as the command line reads them."""
    command, context, words = root(), None, shlex.split(line)
    while hasattr(command, "resolve_command"):
        context = typer.Context(command, parent=context)
        name, command, words = command.resolve_command(context, words)

    assert command.make_context(name, words, parent=context).params


def test_the_commands_were_found():
    """The test above has something to try."""
    assert {"devices place", "links list", "links show", "runs list", "runs show"} <= {
        " ".join(line.split()[:2]) for line in COMMANDS
    }
    assert {"serve", "doctor"} <= set(COMMANDS)


def test_the_explanation_is_the_one_that_is_given():
    """The failing run is explained by the words of the table."""
    reason = REASONS["FULFILLMENT_UNREACHABLE"]

    assert f"why: {reason.title} {reason.why}\n" in OWN
    assert f"fix: {reason.fix}\n" in OWN


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)", PAGE))
def test_links_lead_somewhere(target):
    """To a page that is there."""
    assert (PATH.parent / target).is_file()
