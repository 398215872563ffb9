"""Every page can be found, and every link leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("changes.d/*.md")])


def links(page):
    """Relative targets of a page, without fragments."""
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    return [link.partition("#")[0] for link in found if not re.match(r"[a-z]+:|#", link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """A relative link is a file of the repository."""
    missing = [link for link in links(page) if not (page.parent / link).exists()]

    assert missing == []


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
