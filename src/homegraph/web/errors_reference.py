"""The reference page of the errors, made from the tables of ``wire``.

``docs/reference/errors.md`` is what ``render_reference`` returns; a test compares them, so a reason cannot be added without
its place on the page. A running server shows the same under ``/errors/``. To write the page anew::

    python -m homegraph.web.errors_reference > docs/reference/errors.md

Prose that is not about a single error stands here as well. What is said about one belongs to its reason.
"""

from __future__ import annotations

import sys
from typing import Final

from homegraph.wire.status import REASONS, ROWS, Reason, Row

_HEAD: Final = """\
<!-- Made by `python -m homegraph.web.errors_reference`; edit the tables in homegraph.wire, not this page. -->

# Errors

Google answers many different mistakes with the same few sentences. homegraph answers with the same bytes, and adds which
mistake it was: in `error.details`, behind whatever Google puts there, stand two more messages of Google's standard types.

```json
{
  "error": {
    "code": 404,
    "message": "Requested entity was not found.",
    "status": "NOT_FOUND",
    "details": [
      {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "AGENT_USER_UNLINKED",
        "domain": "homegraph",
        "metadata": {
          "agentUserId": "user-1"
        }
      },
      {
        "@type": "type.googleapis.com/google.rpc.Help",
        "links": [
          {
            "description": "This user was linked once and is not any more. Stop calling for this user when DISCONNECT arrives, or link the account again. `homegraph links list` shows whether the link has another agent user now.",
            "url": "http://127.0.0.1:4663/errors/AGENT_USER_UNLINKED"
          }
        ]
      }
    ]
  }
}
```

* `reason` is the code of the cause that is known or most likely; programs may compare it. Codes are never renamed.
* `links` has one entry for each cause that may be meant, most likely first. Each leads to a page of the server: `/errors/CODE`,
  for programs `/errors/CODE.json`; `/errors/` lists all of them.
* With `explain = false` in `[server]` the bytes are Google's alone.
* Calls of Google's older, discovery-based libraries, and those with `$.xgafv=1`, get the older format with `error.errors`.
* A *retryable* error may be over by itself when the same call is made again. It is never a promise.
* *Exit* is the exit code of a command that ends with the error.
* What *Google's log* says is the status in Google Cloud's log of your project: search this page for it when that is all that you have.

Of several mistakes in one call the one that is answered is the first in this order: path and method, system parameters, credential,
what the credential may do, `alt` and `fields`, body, JSON, fields, the server itself, the agent user.

"""


def render_reference() -> str:
    """The whole page, in Markdown."""
    rows = dict.fromkeys(reason.row for reason in REASONS.values())
    return _HEAD + "\n".join(_section(ROWS[row]) for row in rows)


def _section(row: Row) -> str:
    """A row, and every reason that is answered with it."""
    worded = row.message not in {"{text}", "{descriptions}"}
    said = f"Answered with: `{row.message}`" if worded else "The message says what is wrong."
    reasons = [reason for reason in REASONS.values() if reason.row == row.id]
    head = f"## {row.http} {row.status} ({row.id})\n\n{said}\n"
    return "\n".join([head, *(_reason(reason, row) for reason in reasons)])


def _reason(reason: Reason, row: Row) -> str:
    code = row.exit if reason.exit is None else reason.exit
    again = "Retryable" if reason.retryable else "Not retryable"
    logged = " or ".join(f"`{word}`" for word in reason.google_log)
    return (
        f"### `{reason.code}`\n\n{reason.title}\n\n"
        f"* Why: {reason.why}\n* Do: {reason.fix}\n* {again}; exit {int(code)}.\n"
        + (f"* Google's log says {logged}.\n" if logged else "")
    )


if __name__ == "__main__":
    sys.stdout.write(render_reference())
