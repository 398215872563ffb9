"""Every page can be found, and every link leads somewhere."""

import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for folder in ("", "docs/**/", "examples/**/", "changes.d/")
    for page in ROOT.glob(f"{folder}*.md")
)


def links(page):
    """Relative targets of a page, without fragments."""
    return [target for target, _ in places(page) if target]


def places(page):
    """Relative targets of a page (an empty one is the page itself), each with its fragment."""
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    return [link.partition("#")[::2] for link in found if not re.match(r"[a-z]+:", link)]


@functools.cache
def headings(page):
    """What can stand behind the # of a link to a page: as code hosts make it of its headings."""
    found = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """A relative link is a file of the repository."""
    missing = [link for link in links(page) if not (page.parent / link).exists()]

    assert missing == []


def test_links_lead_to_a_heading():
    """What stands behind the # of a link is a heading of that page."""
    assert [
        (page.relative_to(ROOT), target, fragment)
        for page in PAGES
        for target, fragment in places(page)
        if fragment and fragment not in headings((page.parent / target) if target else page)
    ] == []


def test_every_page_of_the_documentation_is_listed():
    """The four parts on the first page; the decisions, the findings and others like them on an index of their own."""
    docs = ROOT / "docs"
    listed = {
        (index.parent / link).resolve()
        for index in docs.glob("**/README.md")
        for link in links(index)
    }

    assert [
        page
        for page in docs.glob("**/*.md")
        if page.resolve() not in listed and page != docs / "README.md"
    ] == []
