"""`list dataset`: what a cohort is before it is read, and its counts where it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.registry import Registry


def _listed(exit_code: Any, capsys: Any, *words: str) -> dict[str, Any]:
    assert exit_code("list", *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_the_overview_tells_facts_and_loads_nothing(exit_code: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from fpmg_plugins.datasets.phantom import Phantom

    monkeypatch.setattr(Phantom, "load", lambda self: pytest.fail("the overview loads a cohort"))
    rows = {row["name"]: row for row in _listed(exit_code, capsys, "datasets")["components"]}
    assert {"phantom", "iu-cxr", "covid-cxr", "cdisc-pilot", "uci-heart"} <= set(rows)
    assert rows["iu-cxr"]["leaks"] == ["findings"] and rows["iu-cxr"]["derived"] == ["image_codes"]
    assert all(row["counts"] is None for row in rows.values())
    missing = [(name, key) for name, row in rows.items() if name != "folder" for key in ("label", "modalities", "citation", "licence", "access") if not row[key]]  # fmt: skip
    assert missing == []


def test_one_dataset_is_loaded_and_counted(exit_code: Any, capsys: Any) -> None:
    counts = _listed(exit_code, capsys, "dataset", "phantom")["cohort"]["counts"]
    assert (counts["records"], counts["patients"], len(counts["silos"])) == (400, 400, 5)
    assert [kind for _, kind, *_ in counts["modalities"]] == ["table", "series", "text", "image", "video"]
    assert exit_code("list", "dataset", "phantom") == 0
    printed = capsys.readouterr().out
    assert "400 records of 400 patients" in printed and "mind: nothing of it is real" in printed


def test_a_cohort_that_is_not_here_is_described_all_the_same(
    exit_code: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FPMG_DATA", raising=False)
    facts = _listed(exit_code, capsys, "dataset", "eicu-demo")["cohort"]
    assert facts["here"] == "no" and facts["counts"] is None
    assert facts["derived"] == facts["leaks"] == ["text"]
    assert "FPMG_DATA" in facts["access"]


def test_what_is_declared_is_what_loads(exit_code: Any, capsys: Any) -> None:
    """Static facts would lie silently when a dataset changes."""
    registry = Registry.discover()
    for entry in registry.entries("dataset"):
        if entry.name == "folder" or entry.distribution != "fpmg-bench":
            continue
        dataset: Any = registry.load("dataset", entry.name)()
        if not getattr(dataset, "available", lambda: True)():
            continue
        cohort, about = dataset.load(), dataset.about
        reported = {**about.real, **about.derived}
        assert set(cohort.schemas) <= set(reported), entry.name
        assert cohort.leaks <= about.leaks, entry.name
        assert all(reported[name].startswith(f"{schema.kind}: ") for name, schema in cohort.schemas.items()), entry.name


def test_the_overview_imports_no_torch() -> None:
    code = "import sys\nfrom fpmg_bench.cli import main\ntry:\n    main(['list', 'datasets'])\nexcept SystemExit as done:\n    assert not done.code\nassert 'torch' not in sys.modules"  # fmt: skip
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=Path(__file__).parent)
