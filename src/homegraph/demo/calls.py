"""One HTTP call of the story: sent as it is shown, shown as it is sent.

A ``Call`` holds the very bytes of the body, for the documented body of Request Sync is not JSON and must arrive as it
stands. ``as_curl`` writes the call as one line for a shell. One line on purpose, long as it is: a terminal that wraps it still
copies it whole, with nothing to be joined.

The rule that is easily broken: what is shown must do the same as what was sent, in any shell. Every word is quoted unless
it is plainly harmless, and words that curl itself would read otherwise than as they stand are refused or avoided.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final

from homegraph.client.calls import Request

TIMEOUT_SECONDS: Final = 70.0
"""A waiting Request Sync is answered within 60."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call. ``body`` is empty for none; ``headers`` are written as they are sent.

    Raises:
        ValueError: a part has control characters: it could not be pasted.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    def __post_init__(self) -> None:
        parts = (
            self.method,
            self.url,
            self.body,
            *(word for pair in self.headers for word in pair),
        )
        if not all(part.isprintable() for part in parts):
            raise ValueError("a call that is shown has printable characters only")

    def as_request(self) -> Request:
        """What is sent."""
        return Request(self.method, self.url, self.headers, self.body.encode(), TIMEOUT_SECONDS)

    def as_curl(self) -> str:
        """The call as a line for a shell. curl adds Host, Accept and User-Agent of its own."""
        words = ["curl", "-i", "-s"]
        if self.method != "GET":
            words += ["-X", self.method]
        for name, value in self.headers:
            # A header without a value is written with a semicolon; with a colon, curl would leave it out.
            words += ["-H", f"{name}: {value}" if value else f"{name};"]
        if self.body:
            # -d is what the documentation says; but it takes a body that begins with @ for the name of a file.
            words += ["--data-raw" if self.body.startswith("@") else "-d", self.body]
        return shlex.join([*words, self.url])
