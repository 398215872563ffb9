"""What many of these modules share, once per module. A module whose tests need one of their own has a fixture of the same name."""

import pytest

from homegraph.testing.fulfillment import ScriptedFulfillment


@pytest.fixture(scope="module")
def cloud():
    """A device cloud with the user's home."""
    with ScriptedFulfillment() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def made():
    """The modules that a caller of gRPC generates."""
    from support.stubs import stubs  # here: it takes a compiler, which the others do without

    return stubs()
