"""The reference page of the settings, made from their rows.

``docs/reference/settings.md`` is what ``render_reference`` returns; a test compares them, so a key cannot be added
without its place on the page. To write the page anew::

    python -m homegraph.settings.reference > docs/reference/settings.md

Prose that is not about a single key stands here as well. What is said about a key belongs to its row.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final

from homegraph.settings.projects import (
    KeySettings,
    LinkSettings,
    OAuthSettings,
    ProjectSettings,
)
from homegraph.settings.rows import CLIENT_VARIABLES, Setting, rows_of
from homegraph.settings.server import SETTINGS

EXAMPLE: Final = """\
[server]
listen = "127.0.0.1:4663"
database = "sqlite:home.db"
sync_timeout_seconds = "30s"

[projects.acme]
fulfillment_url = "http://127.0.0.1:3000/smarthome"
api_keys = [
  "my-first-api-key",
  { key = "my-second-api-key", expires = 2030-01-31T12:00:00Z, methods = ["devices.requestSync"], addresses = ["10.0.0.0/8"] },
]
service_accounts = ["acme-sa.json"]

[projects.acme.oauth]
client_id = "homegraph"
client_secret = "my-client-secret"
authorization_url = "http://127.0.0.1:3000/auth"
token_url = "http://127.0.0.1:3000/token"
scopes = []
client_auth = "body"
pkce = false
redirect_uri = "http://127.0.0.1:4663/r/acme"

[[projects.acme.links]]
user = "user-1"
access_token = "my-access-token"
refresh_token = "my-refresh-token"
expires_in = 3600
"""

_HEAD: Final = """\
<!-- Made by `python -m homegraph.settings.reference`; edit the rows there, not this page. -->

# Settings

`homegraph serve` takes every setting from the first of these places that has it:

1. a flag;
2. a variable of the environment, `HOMEGRAPH_` and the name in capitals;
3. the table `[server]` of `homegraph.toml`;
4. the default.

Projects, with their keys and links, stand in the file only.

* The file is named by `--config` or `HOMEGRAPH_CONFIG`; otherwise it is `homegraph.toml` in the current folder, when there is one.
* Relative paths in the file start in its folder; those in flags and variables in the current one. `~/` is the home folder.
* Times are numbers of seconds, or text with a unit: `"500ms"`, `"30s"`, `"5m"`, `"2h"`, `"1d"`. Sizes are numbers of bytes, or
  text such as `"64KiB"` or `"8MiB"`.
* In a flag or variable, a list is separated by commas, and `true` and `false` may be written `1`, `yes`, `on`, `0`, `no`, `off`.
  An empty variable counts as not set.
* A secret can stand in a file of its own: its key or variable with `_file` or `_FILE` at the end then names that file. A line break at the end
  of such a file does not count.
* What a hosting platform sets is honoured where nothing else is said: `PORT` is `listen = "0.0.0.0:$PORT"`
  (every network, as such platforms need it), and `DATABASE_URL` is `database`.
* A mistake keeps the server from starting. All mistakes are named at once, each with file, line and key, or with the variable or flag:

```text
homegraph.toml:4: server.sync_timeout_seconds: expected a whole number of seconds between 1 and 600, got "soon"
homegraph.toml:7: projects.acme.fulfilment_url: unknown key; did you mean fulfillment_url?
```

Files that a project names (`service_accounts`, `catalog`, `ca_file`) are read afterwards; of those, too, all that cannot be used are named.

The file is read when the server starts. A key that is not in it any more (`api_keys`, `service_accounts`) is revoked then, for ever: one that
comes back is refused, and the log says so at each start (`key.stays_revoked`). So change the files of all servers of a database before any of them is started again. A link that
is taken out stays linked (`homegraph links unlink` ends it), and a project that is taken out as a whole goes on to be served, **with its keys**, until they
are revoked (`homegraph keys revoke`, `homegraph service-accounts revoke`); `homegraph projects list` shows all that are there.

A file that holds secrets should be readable by its owner only (`chmod 600 homegraph.toml`); otherwise the server says so when it starts.

## An example

"""

_VARIABLES: Final = """\
## Variables that are not settings

These are read by the commands and by `homegraph.Client`. The server leaves them alone. It does not start with any other variable whose name
begins with `HOMEGRAPH_`, so that a misspelt one cannot go unnoticed; `homegraph doctor` tells of it where only commands run.

"""


def render_reference() -> str:
    """The whole page, in Markdown."""
    return "\n".join(
        [
            f"{_HEAD}```toml\n{EXAMPLE}```\n",
            "## `[server]`\n",
            *(_section(each) for each in SETTINGS),
            "## `[projects.ID]`\n",
            "One table for each project; its name is the project id (letters, digits, dots, hyphens, underscores; at most 63).\n",
            _table(rows_of(ProjectSettings)),
            "### `api_keys`\n",
            "An element is the key as text, or a table that restricts it. A key may stand only once in the file.\n",
            _table(rows_of(KeySettings)),
            "### `[projects.ID.oauth]`\n",
            _table(rows_of(OAuthSettings)),
            "### `[[projects.ID.links]]`\n",
            "A user has one link per project. A grant is adopted once: changing its tokens here adopts the new ones.\n",
            _table(rows_of(LinkSettings)),
            _VARIABLES + _pairs(CLIENT_VARIABLES.items()),
        ]
    )


def _section(setting: Setting) -> str:
    """A setting of the server, under a heading that can be linked to."""
    ways = [f"variable `{setting.variable}`"]
    if setting.is_hidden:
        ways.append(f"files: key `{setting.file_key}`, variable `{setting.file_variable}`")
    if setting.flag:
        ways.append(f"flag `{setting.flag}`")
    lines = [
        f"### `{setting.name}`\n",
        f"{setting.doc}\n",
        f"* Expected: {setting.kind.expected}",
        f"* Default: {_default(setting)}",
        f"* Also: {'; '.join(ways)}",
    ]
    return "\n".join(lines) + "\n"


def _table(rows: Iterable[Setting]) -> str:
    lines = ["| key | what it says | expected | default |", "|---|---|---|---|"]
    for each in rows:
        keys = " or ".join(f"`{key}`" for key in (each.name, each.file_key) if key)
        lines.append(f"| {keys} | {each.doc} | {each.kind.expected} | {_default(each)} |")
    return "\n".join(lines) + "\n"


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    lines = ["| variable | what it says |", "|---|---|"]
    return "\n".join([*lines, *(f"| `{name}` | {sentence} |" for name, sentence in pairs)]) + "\n"


def _default(setting: Setting) -> str:
    """Values as code, words as they are."""
    if setting.is_required:
        return "required"
    text = setting.default_text
    is_value = not text or text[0] in '"[' or " " not in text
    return f"`{text}`" if text and is_value else text or "none"


if __name__ == "__main__":
    sys.stdout.write(render_reference())
