"""A person with a browser links an account of the sample cloud: Chromium, two servers as processes, and the command."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page

from support.chromium import chromium, somebody
from support.sample_cloud import Sample, sampled

FAR = "http://far-away.invalid/r/far"
"""Where codes of the second project go. Nobody is there."""

SECOND = f"""
[projects.far]
fulfillment_url = "http://127.0.0.1:4664/smarthome"

[projects.far.oauth]
client_id = "homegraph"
client_secret = "only-for-trying"
authorization_url = "http://127.0.0.1:4664/authorize"
token_url = "http://127.0.0.1:4664/token"
redirect_uri = "{FAR}"
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all; every person has a context of his own."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def sample(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    """Both processes; a second project whose redirect URI leads nowhere."""
    folder = tmp_path_factory.mktemp("browser") / "cloud"
    home = "http://127.0.0.1:4663/r/sample"
    options = f" --redirect-uri {home} --redirect-uri {FAR}"
    with sampled(folder, options=options, config=SECOND) as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of a person."""
    with somebody(browser) as tab:
        yield tab


def heading(page: Page) -> str:
    """What the page is called."""
    return page.inner_text("h1")


def begin(page: Page, sample: Sample, user: str) -> None:
    """Say who one is, and go to the login page."""
    page.goto(f"{sample.url}/link/sample")
    page.get_by_label("Your name here").fill(user)
    page.get_by_role("button", name="Go to the login page").click()
    assert heading(page) == "Sign in"
    assert page.url.startswith(f"{sample.cloud_url}/authorize?")


def sign_in(page: Page, name: str, password: str) -> None:
    """Type what the cloud wants to know, and agree."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in and allow").click()


def test_a_person_links_an_account(page: Page, sample: Sample) -> None:
    """From our page to the cloud's and back to ours, with a wrong password in between; the devices are listed."""
    begin(page, sample, "anna")
    sign_in(page, "ada", "forgotten")
    assert page.get_by_role("alert").inner_text() == "Name or password is wrong."
    assert page.url.startswith(f"{sample.cloud_url}/authorize?")
    sign_in(page, "ada", "analytical")

    assert heading(page) == "Account linked"
    assert page.url.startswith(f"{sample.url}/r/sample?")
    names = page.get_by_role("listitem").all_inner_texts()
    assert sorted(names) == [
        *("Air", "Blind", "Fan", "Freezer plug", "Front door", "Heater", "Lamp", "Vacuum")
    ]
    assert page.get_by_text("8 devices arrived").is_visible()
    link = sample.homegraph("links", "show", "anna", "--project", "sample", "--json").json
    assert (link["state"], link["agent_user_id"]) == ("linked", "user-1")


def test_a_person_says_no(page: Page, sample: Sample) -> None:
    """Then nothing is linked, the page says why, and leads back to where one can start again."""
    begin(page, sample, "nora")
    page.get_by_role("button", name="Deny").click()

    assert heading(page) == "Could not link the account"
    assert page.get_by_text("The login page answered with an error: access_denied").is_visible()
    page.get_by_role("link", name="Start again").click()
    assert heading(page) == "Link an account of sample"
    assert sample.homegraph("links", "show", "nora", "--project", "sample").code != 0


def test_a_page_that_is_opened_again_says_so(page: Page, sample: Sample) -> None:
    """The state was used: going back and forth links nothing twice."""
    begin(page, sample, "rosa")
    sign_in(page, "bob", "builder")
    assert heading(page) == "Account linked"
    page.reload()

    assert heading(page) == "Could not link the account"


@contextmanager
def waiting(sample: Sample, user: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """``homegraph link`` as a process that waits; gives the address that it prints."""
    with sample.spawn(f"homegraph link sample --user {user}") as process:
        try:
            assert process.stdout is not None
            lines = (line.strip() for line in process.stdout)
            yield next(line for line in lines if line.startswith("http")), process
        finally:
            process.kill()


def test_the_command_waits_for_the_browser(page: Page, sample: Sample) -> None:
    """It prints the address, and tells what arrived when the person has signed in."""
    with waiting(sample, "ben") as (address, process):
        page.goto(address)
        sign_in(page, "bob", "builder")
        assert heading(page) == "Account linked"
        said, _ = process.communicate(timeout=60)

    assert process.returncode == 0, said
    assert "ben is linked to sample: agent user user-2, 1 device" in said


def test_the_command_hears_of_a_no(page: Page, sample: Sample) -> None:
    """It ends with the reason, and not with 0."""
    with waiting(sample, "nils") as (address, process):
        page.goto(address)
        page.get_by_role("button", name="Deny").click()
        assert heading(page) == "Could not link the account"
        said, _ = process.communicate(timeout=60)

    assert process.returncode != 0
    assert "access_denied" in said


def test_an_address_is_carried_here_by_hand(page: Page, sample: Sample) -> None:
    """The browser ends at an address that cannot be reached; the command takes it from there."""
    begun = sample.homegraph("link", "far", "--user", "fay", "--no-wait", "--json").json
    page.goto(begun["authorization_url"])
    with page.expect_request(lambda request: request.url.startswith(FAR)) as gone:
        sign_in(page, "bob", "builder")
    done = sample.homegraph("link", "far", "--user", "fay", "--paste", "-", text=gone.value.url)

    assert done.code == 0, done.err
    assert "fay is linked to far: agent user user-2, 1 device" in done.out
