"""The two pages that a person sees while linking: to sign in, and that it cannot go on.

Nothing is loaded and nothing runs. What comes from outside is escaped where it becomes HTML. No page may be put into a frame of
somebody else's, who could have its button pressed by an unsuspecting user.

The rule that is easily broken: the policy has no ``form-action``. It would apply to the redirect that follows the form, too, and
that leads to the Home Graph.
"""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import Final

from starlette.responses import HTMLResponse, Response

HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

STYLE: Final = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 26rem; padding: 0 1rem }
label, input, button { display: block; font: inherit; margin-bottom: .8rem }
input { box-sizing: border-box; width: 100% }
button { display: inline-block; margin-right: .5rem; padding: .2rem 1rem }
[role=alert] { font-weight: bold }
"""


def sign_in_page(
    *, action: str, client: str, destination: str, problem: str = "", name: str = ""
) -> Response:
    """Name and password, and what is agreed to by signing in. ``problem`` is why it did not work before."""
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    return _page(
        "Sign in",
        f"""{alert}
<p><strong>{escape(client)}</strong> asks to see and control your devices.
If you allow it, you go on to {escape(destination)}.</p>
<form method="post" action="{escape(action)}">
<label>Name <input name="name" value="{escape(name)}" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button name="decision" value="allow">Sign in and allow</button>
<button name="decision" value="deny" formnovalidate>Deny</button>
</form>""",
        HTTPStatus.FORBIDDEN if problem else HTTPStatus.OK,
    )


def stop_page(problem: str) -> Response:
    """The request cannot be trusted, so nobody is sent anywhere."""
    return _page("This link does not work", f"<p>{escape(problem)}</p>", HTTPStatus.BAD_REQUEST)


def _page(title: str, body: str, status: HTTPStatus) -> Response:
    return HTMLResponse(
        f"""<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(title)} · device cloud</title>
<style>{STYLE}</style>
<h1>{escape(title)}</h1>
{body}
</html>
""",
        status,
        HEADERS,
    )
