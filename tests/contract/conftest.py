"""Stores live on asyncio."""

import pytest


@pytest.fixture
def anyio_backend():
    """The event loop that async tests and fixtures run on."""
    return "asyncio"
