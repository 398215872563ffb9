"""How a project wants to be treated: the choices that change what the Home Graph decides about it.

One frozen value with a default for everything, kept as JSON beside the project: a new choice is a new field here, a row in
``settings.projects`` and nothing in the schema. What a choice means is said where it is decided; its default is what Google
does, or is taken to do (protocol.md 13).

Not here: who the project is and how it is reached (``model.Project``, ``model.OAuthClient``), and what belongs to the server.
"""

from __future__ import annotations

import msgspec


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The choices of one project.

    ``empty_sync`` says what an empty device list means: ``keep`` (nothing happens, loudly) or ``unlink``. ``sync_mode`` says
    what a device means that Google would refuse: ``google`` (the whole reply is refused) or ``quarantine`` (the device is held back).
    ``shrink_guard``: whether a reply that removes suspiciously much is held until somebody accepts it. ``first_sync_failure`` says what
    a first SYNC that fails makes of a linking: it ``fail``s as a whole (observed at Google), or the link is kept and its first SYNC
    repeated (``keep``), as for a grant that the file brings. ``oauth_flow``: the login page hands out a ``code``, or a token at once (``implicit``). ``unknown_types``
    and ``unknown_traits``: ``allow`` or ``refuse`` what the catalog does not know; ``catalog`` is JSON that adds to it.
    ``execute_updates_states``: whether the states in an answer to EXECUTE are stored; at Google they are not since 2020, so that
    reports must tell them. ``authorities`` are certificates (PEM) that are believed besides the system's.
    """

    empty_sync: str = "keep"
    sync_mode: str = "google"
    shrink_guard: bool = True
    first_sync_failure: str = "fail"
    oauth_flow: str = "code"
    unknown_types: str = "allow"
    unknown_traits: str = "allow"
    catalog: str = ""
    execute_updates_states: bool = False
    authorities: str = ""
