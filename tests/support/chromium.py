"""Chromium without a window, driven by playwright: a person's browser.

It is the distribution's own (``make browser`` installs it as root). Where it is missing, a test is skipped and says so; never in CI,
where a skipped proof is none.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

PROGRAM: Final = "/usr/bin/chromium"

ARGUMENTS: Final = (
    "--no-sandbox",  # CI runs as root, where its own sandbox refuses to start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

PATIENCE_MS: Final = 30_000
"""Only a failing test waits that long."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser. Skips the test, or fails it in CI, where there is none."""
    if shutil.which(PROGRAM) is None:
        message = f"linking in a browser was NOT tried: there is no {PROGRAM}; `make browser` as root installs it"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def somebody(browser: Browser) -> Iterator[Page]:
    """A tab of a person whom nobody knows yet: no cookie of another test."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield context.new_page()
    finally:
        context.close()
