"""A browser without a window: it keeps cookies, follows redirects, and fills in the first form of a page.

For login pages of others, which are plain HTML. What needs a real browser is tried with Chromium (``chromium``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Final
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

SECONDS_MAX: Final = 60.0


class _FormReader(HTMLParser):
    """Where the first form of a page goes, and what is filled in already."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action = given.get("action", "")
        if tag == "input" and "name" in given:
            self.fields.setdefault(given["name"], given.get("value", ""))


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown, and where."""

    url: str
    status: int
    text: str


@dataclass(slots=True)
class PlainBrowser:
    """One person's browser."""

    cookies: CookieJar = field(default_factory=CookieJar)
    page: Page = Page("", 0, "")

    def open(self, url: str) -> Page:
        """Go somewhere."""
        return self._go(url, None)

    def submit(self, **typed: str) -> Page:
        """Fill in the form of the page and send it."""
        form = _FormReader()
        form.feed(self.page.text)
        if form.action is None:
            raise AssertionError(f"no form on {self.page.url}:\n{self.page.text}")
        fields = urlencode({**form.fields, **typed})
        return self._go(urljoin(self.page.url, form.action), fields.encode())

    def _go(self, url: str, body: bytes | None) -> Page:
        opener = build_opener(HTTPCookieProcessor(self.cookies), ProxyHandler({}))
        try:
            answer = opener.open(url, body, SECONDS_MAX)
        except HTTPError as exc:
            answer = exc
        with answer:
            self.page = Page(answer.url, answer.status, answer.read().decode())
        return self.page
