"""web: HTTP in. Bytes of a request become a call of a use-case, and its result or error becomes bytes.

``app`` is the door: the paths of the API by an exact dictionary, everything else by a router. Behind it ``api_v1`` is the
public API with its order of checks, and ``head``, ``methods`` and ``refusing`` are its parts; ``caller`` is a short way to it, for calls
that come whole, on a connection that is ``bounded``. ``tokens`` is the token endpoint, ``ops`` the pages that explain and the probes, ``discovery`` the documents for programs,
``link_page`` and ``linking`` how an account is linked in a browser, ``admin`` what the commands talk to, and ``guard`` who may talk to it.
``exchange`` reads bodies and writes answers, ``unread_body`` sees to those of callers who leave, ``pages`` writes HTML, ``site`` is what
all of them are given; ``errors_reference`` writes a page of the documentation.

What this room does not do: it decides nothing about syncs, keys or devices (``service`` does), and it has no table of status
codes (``wire.status`` has). It starts no duty and has no lifespan: ``server`` runs the loop beside it.

The rule a maintainer could break by accident: two kinds of readers come in here. The public API speaks Google's words and is
open to any Host; everything below ``/-/`` is ours and only for who holds the admin token.
"""
