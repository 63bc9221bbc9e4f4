"""The documentation as a site: every page is in the nav, every link of a page leads somewhere, here and on the site; `tox -e docs` builds it."""

import importlib.util
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
SITE = YAML(typ="safe", pure=True).load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(((?!https?:|mailto:)[^)\s]+)\)")


def hook():
    spec = importlib.util.spec_from_file_location("site_links", ROOT / SITE["hooks"][0])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def leaves(nav):
    """The pages of a nav."""
    for each in nav:
        for value in each.values() if isinstance(each, dict) else [each]:
            yield from leaves(value) if isinstance(value, list) else [value]


def anchors(page):
    """What headings are called, as GitHub and mkdocs call them."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def test_every_page_is_in_the_nav_once_and_decisions_in_their_index():
    named = list(leaves(SITE["nav"]))
    pages = {page.relative_to(DOCS).as_posix() for page in PAGES if not re.match(r"\d", page.name)}
    assert sorted(named) == sorted(pages)
    assert SITE["not_in_nav"].split() == ["decisions/[0-9]*.md"]


@pytest.mark.parametrize("page", [page for page in PAGES if not re.match(r"\d", page.name)], ids=lambda page: page.stem)
def test_links_of_a_page_lead_to_pages_and_headings(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists() and target.is_relative_to(ROOT), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


def test_on_the_site_links_out_of_docs_lead_to_the_repository_and_others_stay():
    rewritten = hook().rewritten
    text = "[a](../SECURITY.md) [b](concepts.md#x) [c](https://x.org) [d](../gone.md) [e](../reports/README.md#top) [f](figures/tradeoff.py)"
    assert rewritten(text, "faq.md", "R") == (
        "[a](R/blob/main/SECURITY.md) [b](concepts.md#x) [c](https://x.org) [d](../gone.md) [e](R/blob/main/reports/README.md#top) "
        "[f](R/blob/main/docs/figures/tradeoff.py)"
    )
    assert (
        rewritten("[a](../tutorial.md) [b](../../reports)", "plugins/metric.md", "R")
        == "[a](../tutorial.md) [b](R/tree/main/reports)"
    )


def test_the_reference_names_modules_that_are_there():
    named = re.findall(r"^::: ([\w.]+)$", (DOCS / "api.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(named) > 5
    files = [ROOT / name.replace(".", "/") for name in named]
    assert [
        name for name, file in zip(named, files, strict=True) if not (file.with_suffix(".py").exists() or file.is_dir())
    ] == []


def test_forms_for_issues_can_be_read_and_ask_for_something():
    forms = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
    read = {form.stem: YAML(typ="safe", pure=True).load(form.read_text(encoding="utf-8")) for form in forms}
    assert set(read) == {"bug", "metric", "plugin", "config"}
    for name in ("bug", "metric", "plugin"):
        fields = [each for each in read[name]["body"] if each["type"] != "markdown"]
        assert len({each["id"] for each in fields}) == len(fields) >= 4
        assert all(each["attributes"]["label"] and each["validations"]["required"] for each in fields)
