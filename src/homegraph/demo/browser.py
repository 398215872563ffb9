"""What a person does in a browser to link an account: opens the login page, signs in, is sent back.

Real calls, as a browser would make them: what is followed is what the servers say, and nothing is known here of what stands in it. The
story shows where the browser was, but neither the state nor the code.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode, urlsplit

from homegraph.client.awaiting import AsyncTransport
from homegraph.client.calls import Request, Response
from homegraph.demo.calls import TIMEOUT_SECONDS
from homegraph.demo.claims import check
from homegraph.demo.narrator import Narrator

_FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")


class Browser:
    """A person's browser. It shows each visit."""

    def __init__(self, http: AsyncTransport, narrator: Narrator) -> None:
        self._http = http
        self._narrator = narrator

    async def sign_in(self, url: str, *, name: str, password: str) -> str:
        """Open a login page, sign in and agree; returns where that leads. Raises NotAsTold."""
        page = await self._http.send(Request("GET", url, (), b"", TIMEOUT_SECONDS))
        self._show("GET", url, page, heading(page))
        form = {"name": name, "password": password, "decision": "allow"}
        answer = await self._http.send(
            Request("POST", url, (_FORM,), urlencode(form).encode(), TIMEOUT_SECONDS)
        )
        check(answer.status == HTTPStatus.SEE_OTHER, f"signing in was answered {answer.status}")
        self._show("POST", url, answer, f"signed in as {name}; back to the Home Graph with a code")
        return answer.headers["location"]

    async def go(self, url: str) -> Response:
        """Follow a redirect."""
        page = await self._http.send(Request("GET", url, (), b"", TIMEOUT_SECONDS))
        self._show("GET", url, page, heading(page))
        return page

    def _show(self, method: str, url: str, answer: Response, text: str) -> None:
        where = urlsplit(url)._replace(query="").geturl()
        self._narrator.meanwhile(f"{method} {where}", answer.status, text)


def heading(page: Response) -> str:
    """What a page is called; empty when it is none."""
    found = re.search(rb"<h1>([^<]*)</h1>", page.body)
    return found[1].decode(errors="replace") if found else ""
