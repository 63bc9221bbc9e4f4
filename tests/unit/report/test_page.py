"""The page as a reader and a browser meet it: complete, the same for the same results, deaf to the network."""

import html
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pandas as pd
import pytest

from fpmg_bench.report import build
from fpmg_bench.types import Panel

from .fake_run import add, make

SECTIONS = ("Verdict", "Leaderboard", "Rounds", "Plumbing", "Privacy", "Cost", "Cohorts", "Provenance")


class Tags(HTMLParser):
    """Every start tag with its attributes, outside of script text."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def tags(page):
    parser = Tags()
    parser.feed(page)
    return parser.found


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make(tmp_path_factory.mktemp("runs") / "fake")


@pytest.fixture(scope="module")
def page(run, tmp_path_factory):
    return build(run, tmp_path_factory.mktemp("page") / "report.html").read_text()


@pytest.mark.parametrize("title", SECTIONS)
def test_every_section_is_there(page, title):
    assert re.search(rf"<h2[^>]*>\s*{title}", page)


def test_nothing_is_loaded_from_anywhere(page):
    found = tags(page)
    policy = next(a["content"] for tag, a in found if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "http" not in policy
    loading = [a[key] for tag, a in found for key in ("src", "srcset", "data", "poster") if a.get(key)]
    loading += [a["href"] for tag, a in found if tag in ("link", "base", "use", "image") and a.get("href")]
    assert [address[:40] for address in loading if not address.startswith(("data:", "#"))] == []


def test_the_same_results_give_the_same_bytes(run, page, tmp_path):
    assert build(run, tmp_path / "again.html").read_text() == page


def test_every_figure_has_its_table(page):
    assert page.count("Table of this figure") >= page.count('class="figure') - 1 > 0


def test_failed_and_timed_out_trials_are_shown_with_their_reason(run, page):
    table = pd.read_parquet(run / "results.parquet")
    reasons = {reason for reason in table[table.status.isin(["failed", "timeout"])].reason if reason}
    assert reasons
    assert all(html.escape(reason)[:40] in page or reason[:40] in html.unescape(page) for reason in reasons)


def test_three_seeds_are_not_ranked(page):
    assert "not ranked" in page


def test_text_of_a_plugin_panel_is_shown_and_titles_are_escaped(run, tmp_path):
    made = build(run, tmp_path / "p.html", panels=[Panel("Mine <b>", "<p>an extra panel</p>", "alternative")]).read_text()
    assert "an extra panel" in made
    assert "Mine <b>" not in made


QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-features=OptimizationHints,OptimizationGuideModelDownloading",
)


def visit(page, folder):
    """(the page after its scripts ran, hosts that the browser asked for meanwhile)."""
    folder.mkdir()
    (folder / "page.html").write_text(page)
    words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", *QUIET, f"--user-data-dir={folder / 'user'}"]
    words += [f"--log-net-log={folder / 'net.json'}", "--virtual-time-budget=8000", "--dump-dom", (folder / "page.html").as_uri()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    hosts = re.findall(r'"(?:url|host)":\s*"(?:https?://)?([\w.-]+\.[a-z]{2,})', (folder / "net.json").read_text())
    return done.stdout, set(hosts)


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not on PATH")
def test_a_browser_draws_the_figures_and_asks_for_nothing(page, tmp_path):
    _, startup = visit("<p>nothing</p>", tmp_path / "blank")  # what the browser itself looks up at its start
    _, caught = visit('<img src="https://patients.example.org/x.png">', tmp_path / "leaky")
    drawn, requested = visit(page, tmp_path / "report")
    assert "patients.example.org" in caught  # a page that does ask is seen asking
    assert 'class="chart"' in drawn
    assert requested <= startup | caught
    assert "patients.example.org" not in requested


def test_the_round_trip_is_shown_where_it_was_measured(run, page, tmp_path):
    assert 'id="round-trip"' not in page
    copied = tmp_path / "run"
    shutil.copytree(run, copied)
    table = pd.read_parquet(copied / "results.parquet")
    extra = table[(table.metric == "rg") & table.modality.notna() & (table.scope == "all")].copy()
    extra["metric"], extra["value"] = "reconstruction.ssim", 0.625
    add(copied, extra)
    shown = build(copied, tmp_path / "report.html").read_text()
    assert 'id="round-trip"' in shown and "0.625" in shown
