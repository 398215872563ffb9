"""Socket files: which one is replaced, and who may connect. What else a server says of its addresses: acceptance/test_operations."""

import os
import socket
import stat

import pytest

from homegraph.errors import SettingsError
from homegraph.server import doors
from homegraph.settings.addresses import ListenAddress


def test_a_socket_whose_server_is_busy_is_not_replaced(tmp_path, monkeypatch):
    """It takes nobody just now, and is there all the same."""
    monkeypatch.setattr(doors, "ANSWERS_SECONDS", 0.05)
    place = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as busy:
        busy.bind(place)
        busy.listen(0)
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(place)
            with pytest.raises(SettingsError, match="Address already in use"):
                doors.listen(ListenAddress(path=place), "listen")
        busy.accept()[0].close()
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(place)


def test_a_socket_is_for_its_user_alone(tmp_path):
    """Whatever the umask is: who may connect may call."""
    place = tmp_path / "socket"
    before = os.umask(0)
    try:
        with doors.listen(ListenAddress(path=str(place)), "listen"):
            mode = place.stat().st_mode
    finally:
        os.umask(before)

    assert stat.S_IMODE(mode) == 0o600
