"""HTML of our own pages: small, self-contained, and unable to do anything.

A page loads nothing and runs nothing: the content security policy forbids everything but the one style sheet that is in the
page, named by its hash (and, on the one page that cannot do without, a script that is named likewise). Text is escaped where it
becomes HTML: ``element`` escapes every child that is not ``Html`` already, so what comes from outside cannot become markup by being
forgotten.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Mapping
from typing import Final

from starlette.responses import Response

NAME: Final = "homegraph"

STYLE: Final = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 44rem; padding: 0 1rem }
h1 { font-size: 1.3rem } h2 { font-size: 1rem; margin-bottom: 0 } h2 + p { margin-top: 0 }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { overflow-x: auto; padding: .5rem; border: 1px solid color-mix(in srgb, currentcolor 30%, transparent) }
label, input, button { font: inherit } input { padding: .2rem .4rem } button { padding: .2rem .8rem }
footer { margin-top: 3rem; opacity: .75; font-size: .9rem }
"""


def _hash(text: str) -> str:
    """How a content security policy names a style sheet or a script that is in the page."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def headers_of(
    form_action: str, referrer_policy: str = "no-referrer", *, script: str = ""
) -> dict[str, str]:
    """Headers of a page whose forms may lead there, and which may run this one script."""
    allowed = f"script-src 'sha256-{_hash(script)}'; " if script else ""
    return {
        "content-security-policy": f"default-src 'none'; style-src 'sha256-{_hash(STYLE)}'; {allowed}"
        f"base-uri 'none'; form-action {form_action}; frame-ancestors 'none'",
        "referrer-policy": referrer_policy,
        "x-content-type-options": "nosniff",
    }


HEADERS: Final = headers_of("'none'")

FORM_HEADERS: Final = headers_of("http: https:", "same-origin")
"""Of a page with a form. Browsers apply ``form-action`` to wherever the answer redirects, and a login page may redirect anywhere;
and without a referrer they do not tell the server where a form comes from."""

FOOTER: Final = (
    "homegraph is an independent implementation, wire-compatible with version 1 of Google's HomeGraph API. "
    "It is not affiliated with Google."
)

_VOID: Final = frozenset({"meta", "input"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str) -> Html:
    """An element. Children are escaped unless they are ``Html``; so are the values of attributes."""
    written = "".join(f' {key}="{html.escape(value)}"' for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}>")
    inside = "".join(c if isinstance(c, Html) else html.escape(c, quote=False) for c in children)
    return Html(f"<{name}{written}>{inside}</{name}>")


def prose(text: str) -> Html:
    """A paragraph of a sentence that terminals are told, too: what stands between backticks is code."""
    parts = text.split("`")
    is_paired = len(parts) % 2 == 1
    return element(
        "p",
        *(
            element("code", part) if is_paired and index % 2 else part
            for index, part in enumerate(parts if is_paired else [text])
        ),
    )


def texts(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers as Starlette takes them."""
    return {name.decode(): value.decode() for name, value in headers}


def page(title: str, *body: str, http: int = 200, headers: Mapping[str, str] = HEADERS) -> Response:
    """A whole page as an answer."""
    document = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width"),
            element("title", title if title == NAME else f"{title} · {NAME}"),
            element("style", Html(STYLE)),
        ),
        element("body", element("h1", title), *body, element("footer", FOOTER)),
        lang="en",
    )
    return Response(
        f"<!doctype html>\n{document}\n", http, headers, media_type="text/html; charset=utf-8"
    )
