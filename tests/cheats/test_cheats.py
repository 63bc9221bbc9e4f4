"""Every cheat is stopped, flagged, or listed in docs/privacy-boundary.md as what is not seen."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cheating_plugins import GENERATORS, Decodes, named

from fpmg_bench.comparison.alike import same_release
from fpmg_bench.results import Results

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are forked on Linux only")

PAGE = Path(__file__).parents[2] / "docs" / "privacy-boundary.md"
STOPPED = ("in-attribute", "in-closure", "in-global", "in-class", "from-prepared", "by-collector", "by-frames")
FLAGGED = ("by-file", "as-weights", "decodes")  # by what attacks find
AUDITED = ("unledgered",)  # by `fpmg-bench audit`
NOT_SEEN = ("to-file", "patched-ledger", "unnoised")
KINDS = ("moments", "counts")
ALONE = ("in-attribute", "in-class", "by-collector", "by-frames")  # tried where one process does all
SUITE = """version: 1
name: cheats
seeds: [0]
datasets: [{{name: phantom, patients: 300, silos: 2, modalities: [table], missing: 0.0}}]
partition: natural
budget: {{rounds: 1, local_steps: 1, encoder_rounds: 0}}
methods:
  honest:
    encoders: {{table: {{name: frozen, dim: 12}}}}
    generator: gaussian-copula
    topology: ring
    aggregator: fedavg
    privacy: {{epsilon: 1, delta: 1.0e-4}}
{methods}
metrics: [rg, pg, membership]
"""


def _suite(folder: Path, names: tuple[str, ...]) -> Path:
    """A suite of these cheats, each under its own name beside the honest one."""
    options = {name: f"{{name: {name}, path: {folder / name}}}" for name in ("by-file", "to-file")}
    for name in options:
        (folder / name).mkdir()
    generators = [name for name in names if name != "decodes"]
    lines = [f"  {name}: {{extends: honest, generator: {options.get(name, name)}}}" for name in generators]
    lines += ["  decodes: {extends: honest, encoders: {table: {name: decodes, dim: 12}}}"] if "decodes" in names else []
    if "unnoised" in names:
        lines.append("  unnoised-at-a-hundredth: {extends: unnoised, privacy: {epsilon: 0.01, delta: 1.0e-4}}")
    (folder / "suite.yaml").write_text(SUITE.format(methods="\n".join(lines)))
    return folder / "suite.yaml"


@pytest.fixture(scope="module")
def warm(program: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    """A run as it is by default, its exit code, and what it printed."""
    folder = tmp_path_factory.mktemp("warm")
    suite = _suite(folder, (*STOPPED, *FLAGGED, *AUDITED, *NOT_SEEN))
    code, printed = program("run", suite, "--out", folder / "out", "--jobs", "1")
    return folder / "out", code, printed


@pytest.fixture(scope="module")
def alone(program: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    """The same where one process loads, trains, samples and measures."""
    folder = tmp_path_factory.mktemp("alone")
    code, printed = program(
        "run", _suite(folder, ALONE), "--out", folder / "out", "--jobs", "1", "--no-report", "--isolate", "fresh"
    )
    return folder / "out", code, printed


def _trial(run: Path, method: str) -> Any:
    return next(record for record in Results(run).records() if record.trial.spec.method == method)


def _folder(run: Path, method: str) -> Path:
    return run / "trials" / _trial(run, method).trial.key


def _score(run: Path, method: str, metric: str) -> float:
    rows = _trial(run, method).result["scores"]
    return next(float(row["value"]) for row in rows if row["metric"] == metric and row["scope"] == "all")


def _flagged(run: Path) -> dict[str, str]:
    """Method -> its red flag."""
    return {line.split("/")[1]: line for line in Results(run).red_flags()}


@pytest.mark.parametrize("cheat", STOPPED)
def test_it_is_stopped(warm: Any, cheat: str) -> None:
    """Who samples holds nobody, who trains no held-out patient, and features see drawn rows: what is left is what the honest one does."""
    assert same_release(_folder(warm[0], cheat), _folder(warm[0], "honest"))


@pytest.mark.parametrize("cheat", FLAGGED)
def test_it_is_flagged(warm: Any, cheat: str) -> None:
    run, code, printed = warm
    assert code == 6
    assert f"red flag: phantom/{cheat}/0: " in printed
    assert "recognises training patients" in _flagged(run)[cheat]
    assert "epsilon 0.99" in _flagged(run)[cheat] and "permits 0.731" in _flagged(run)[cheat]
    page = (run / "report.html").read_text()
    assert "Privacy violation" in page
    assert f"phantom/{cheat}/0: " in page


@pytest.mark.parametrize("cheat", AUDITED)
def test_the_audit_finds_it(warm: Any, program: Any, cheat: str) -> None:
    code, printed = program("audit", warm[0])
    assert code == 6
    found = re.findall(r"violation: phantom/([a-z-]+)/0, silo (site-\d): (.*)", printed)
    assert set(found) == {(cheat, f"site-{n}", f"stage2: 2 {kind} were taken, 1 charged") for n in (1, 2) for kind in KINDS}
    assert len(re.findall("^red flag: ", printed, re.MULTILINE)) == len(_flagged(warm[0]))


@pytest.mark.parametrize("cheat", NOT_SEEN)
def test_it_is_not_seen(warm: Any, cheat: str) -> None:
    """A test that fails once somebody sees it: then the page has to say so."""
    run, _, _ = warm
    assert cheat not in _flagged(run)
    assert _trial(run, cheat).result["privacy"]["epsilon"] <= 1
    if cheat == "to-file":
        rows = np.concatenate([np.load(file) for file in sorted((run.parent / cheat).glob("*.npy"))])
        assert len(rows) == _trial(run, cheat).result["split"]["train"]["records"]
        assert same_release(_folder(run, cheat), _folder(run, "honest"))
    else:  # it has gained what noise had cost
        assert _score(run, cheat, "rg") < 1.2
        assert _score(run, "honest", "rg") > 2


def test_without_noise_tracing_is_above_what_a_tiny_epsilon_permits(warm: Any) -> None:
    assert "permits 0.505" in _flagged(warm[0])["unnoised-at-a-hundredth"]


def test_the_honest_one_is_not_flagged_and_trusts_nobody(warm: Any) -> None:
    run, _, _ = warm
    assert set(_flagged(run)) == {*FLAGGED, "unnoised-at-a-hundredth"}
    assert "trusts" not in _trial(run, "honest").result["privacy"]


def test_beside_the_epsilon_of_a_cheat_stands_who_has_to_be_honest(warm: Any) -> None:
    run, _, _ = warm
    assert _trial(run, "to-file").result["privacy"]["trusts"] == ["cheaters:to-file"]
    assert _trial(run, "decodes").result["privacy"]["trusts"] == ["cheaters:decodes"]
    ledger = json.loads((_folder(run, "to-file") / "ledger.json").read_text())
    assert ledger["trusts"] == ["cheaters:to-file"]
    page = (run / "report.html").read_text()
    assert "holds if cheaters:to-file is honest" in page
    assert "Plug-ins are trusted code" in page


def test_where_one_process_does_all_rows_are_kept_and_that_is_flagged(alone: Any) -> None:
    run, code, printed = alone
    assert code == 6, printed
    found = _flagged(run)
    assert "recognises training patients" in found["in-attribute"]
    assert "recognises training patients" in found["in-class"]
    assert "held-out patients were seen: pg.attack_auc" in found["by-collector"]
    assert "held-out patients were seen: pg.attack_auc" in found["by-frames"]
    assert "honest" not in found


def test_a_page_lists_each_of_them_as_it_is_here() -> None:
    """| name | what it does | stopped, flagged, found by the audit or not seen | why |"""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.read_text().splitlines() if line[:3] == "| `"]
    listed = {row[0].strip("`"): row[2] for row in rows}
    words = {"stopped": STOPPED, "flagged": FLAGGED, "found by `audit`": AUDITED, "not seen": NOT_SEEN}
    assert listed == {cheat: word for word, cheats in words.items() for cheat in cheats}
    assert set(listed) == {named(kind) for kind in (*GENERATORS, Decodes)}
    assert all(len(row) == 4 and row[1] and row[3] for row in rows)
