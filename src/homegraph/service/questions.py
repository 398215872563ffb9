"""Questions of the admin side: what several use-cases are asked with.

A question is a struct whose fields are the parameters of the admin API, with their bounds, so that a wrong one is refused with the
field's name before it gets to a use-case. What only one module is asked stands there.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

ID_CHARS_MAX: Final = 1_024
"""Characters of any name in a question; as long as an agentUserId may be."""

Name = Annotated[str, Meta(min_length=1, max_length=ID_CHARS_MAX)]
MaybeName = Annotated[str, Meta(max_length=ID_CHARS_MAX)]
"""A name, or "" for none in particular."""


class WhichLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user's link to a project."""

    project: Name
    user: Name


class WhichRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run, by its id."""

    id: Name
