"""The page as a reader and a browser meet it: complete, the same for the same results, deaf to the network."""

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from importlib.resources import files
from importlib.util import find_spec

import pandas as pd
import pytest

from fpmg_bench.errors import StoreError
from fpmg_bench.report import build, officer, write_over_time
from fpmg_bench.report.browser import Browser
from fpmg_bench.report.read import read_run
from fpmg_bench.report.view import view
from fpmg_bench.types import Panel

from .fake_run import add, make

SECTIONS = ("Summary", "Leaderboard", "Checks", "Rounds", "Plumbing", "Privacy", "Cost", "Cohorts", "Provenance")


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


def test_every_figure_has_its_drawing_and_its_table_without_scripts(page):
    figures = re.findall(r'<figure class="card".*?</figure>', page, re.S)
    assert len(figures) > 10
    for each in figures:
        shown = re.findall(r"<noscript>(.*?)</noscript>", each, re.S)
        assert all('<svg class="chart"' in drawing for drawing in shown[:-1]) and "<table" in shown[-1]


def test_forty_trials_are_a_small_page(page):
    assert len(page.encode()) < 2.5e6


def test_the_first_screen_names_no_winner_that_the_table_below_it_has(page):
    first = page[page.index('class="opening') : page.index('id="leaderboard"')]
    assert "no winner on any of the 2 cohorts" in first
    assert not re.search(r"[\w-]+: (wins|best<)", first)


def test_a_method_that_never_finished_is_one_cell_of_the_board(page):
    board = page[page.index('id="leaderboard-fake-beta"') :]
    (row,) = re.findall(r"<tr>(?:(?!</tr>).)*single-modal.*?</tr>", board[: board.index("</table>")], re.S)
    assert 'colspan="' in row and row.count("<td") == 1 and "over the limit of 600 s" in row


def test_a_pdf_without_a_browser_is_a_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match="no browser that prints is on PATH"):
        Browser()


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


PROBE = """
addEventListener("load", () => setTimeout(() => {
  const found = {nodes: document.querySelectorAll("*").length, drawn: document.querySelectorAll("svg.chart").length,
    held: document.querySelectorAll(".canvas > noscript").length};
  const board = document.querySelector(".board");
  const stops = [...document.querySelectorAll("a[href], button, input, summary, [tabindex]")].filter((each) => each.tabIndex >= 0
    && each.checkVisibility() && (board.contains(each) || board.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_PRECEDING));
  found.stops = stops.length;
  const context = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d", {willReadFrequently: true});
  const light = (colour) => {
    context.clearRect(0, 0, 1, 1); context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    const linear = (c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return a > 250 ? 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) : null;
  };
  const contrast = () => {
    const pairs = new Set();
    for (const each of document.querySelectorAll("body :not(svg, svg *, script, noscript)")) {
      if (!each.getClientRects().length || getComputedStyle(each).opacity === "0") continue;
      if (![...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) continue;
      let under = each;
      while (under && light(getComputedStyle(under).backgroundColor) === null) under = under.parentElement;
      pairs.add(`${getComputedStyle(each).color}|${under ? getComputedStyle(under).backgroundColor : "white"}`);
    }
    return Math.min(...[...pairs].map((pair) => pair.split("|").map(light).sort().reverse()).map(([a, b]) => (a + 0.05) / (b + 0.05)));
  };
  const style = document.querySelector("style");
  const sheet = style.textContent;
  found.light = contrast();
  style.textContent = sheet.replace("@media (prefers-color-scheme: dark)", "@media all");
  found.dark = contrast();
  style.textContent = sheet.replaceAll("@media (max-width: 960px)", "@media all").replaceAll("@media (max-width: 620px)", "@media all");
  document.body.style.width = "390px";
  found.narrow = document.body.scrollWidth;
  document.body.style.width = "";
  style.textContent = sheet.replaceAll("@media print", "@media all");
  document.documentElement.style.width = "1032px";
  document.dispatchEvent(new Event("everything"));
  const paper = [...document.querySelectorAll(".board th[scope=col]")].map((head) => head.getBoundingClientRect());
  found.columns = document.querySelectorAll(".board th[scope=col]").length;
  found.printed = paper.filter((box) => box.width > 0 && box.right <= 1033).length;
  document.body.append(Object.assign(document.createElement("pre"), {id: "probe", textContent: JSON.stringify(found)}));
}, 500));
"""


def probed(page):
    """The page with a script that looks at it, which its policy then allows too."""
    allowed = base64.b64encode(hashlib.sha256(PROBE.encode()).digest()).decode()
    return page.replace("script-src ", f"script-src 'sha256-{allowed}' ", 1).replace(
        "</body>", f"<script>{PROBE}</script></body>"
    )


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not on PATH")
def test_a_browser_draws_the_figures_and_asks_for_nothing(page, tmp_path):
    _, startup = visit("<p>nothing</p>", tmp_path / "blank")  # what the browser itself looks up at its start
    _, caught = visit('<img src="https://patients.example.org/x.png">', tmp_path / "leaky")
    drawn, requested = visit(probed(page), tmp_path / "report")
    assert "patients.example.org" in caught  # a page that does ask is seen asking
    found = json.loads(html.unescape(re.search(r'<pre id="probe">(.*?)</pre>', drawn)[1]))
    assert found["drawn"] > 0 and found["held"] > 10  # what is in sight is drawn, the rest is not
    assert found["nodes"] < 15_000 and found["stops"] <= 60
    assert min(found["light"], found["dark"]) >= 4.5
    assert found["narrow"] <= 390
    assert found["printed"] == found["columns"] == 26  # two cohorts by the method and twelve scores
    assert requested <= startup | caught
    assert "patients.example.org" not in requested


AXE = next((package for package in ("axe_playwright_python", "axe_core_python") if find_spec(package)), None)
RULES = "axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations.map((v) => [v.impact, v.id, v.nodes[0].html.slice(0, 200)]))"


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not on PATH")
@pytest.mark.skipif(AXE is None, reason="axe-core-python is not installed")
def test_axe_finds_nothing_of_any_level_in_a_page(run, page, tmp_path):
    rules = (files(AXE) / "axe.min.js").read_text()
    (tmp_path / "report.html").write_text(page)
    officer.write(view([read_run(run)]), tmp_path / "officer.html")
    write_over_time([run], out=tmp_path / "over-time.html")
    (tmp_path / "bad.html").write_text("<p>no language, no title, no landmark</p>")
    with Browser() as shown:
        found = {}
        for file in sorted(tmp_path.glob("*.html")):
            shown.open(file)
            shown.evaluate("document.dispatchEvent(new Event('everything'))")  # what is held back until somebody looks
            shown.evaluate(f"{rules}; true")
            found[file.stem] = shown.evaluate(RULES)
    assert len(found.pop("bad")) >= 3
    assert found == {"officer": [], "over-time": [], "report": []}


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
