"""What supervises the server is told how it stands: ready, or about to stop.

This is systemd's protocol (sd_notify), which others speak, too: a datagram to the socket that NOTIFY_SOCKET names. Without the variable
there is nobody to tell. With workers it is the watching process that tells, once all of them answer.

The rule that is easily broken: nobody may wait here. A supervisor that does not listen stops no server.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import Final

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"

_VARIABLE: Final = "NOTIFY_SOCKET"


def tell_supervisor(state: str) -> None:
    """Send one of the two words above."""
    place = os.environ.get(_VARIABLE, "")
    if not place.startswith(("/", "@")):
        return
    # A name that begins with @ is none of a file: Linux keeps it apart, with a NUL in that place.
    address = f"\0{place[1:]}" if place.startswith("@") else place
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaking:
        speaking.setblocking(False)
        speaking.sendto(state.encode(), address)
