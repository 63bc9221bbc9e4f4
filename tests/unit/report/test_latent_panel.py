"""Drawn vectors are shown by the encoders that they belong to."""

import json
import shutil

import pandas as pd

from fpmg_bench.report import build

from .fake_run import add, make


def test_methods_with_other_encoders_stand_in_tables_of_their_own(tmp_path):
    run = make(tmp_path / "run", broken=False)
    assert 'id="latent"' not in build(run, tmp_path / "bare.html").read_text()
    copied = tmp_path / "copied"
    shutil.copytree(run, copied)
    plan = json.loads((copied / "plan.json").read_text())
    for entry in plan["trials"]:
        entry["stage1"] = "star" if entry["spec"]["method"] == "fedavg" else "ring"
    (copied / "plan.json").write_text(json.dumps(plan))
    table = pd.read_parquet(copied / "results.parquet")
    extra = table[
        (table.metric == "rg") & table.modality.isna() & (table.scope == "all") & (table.dataset == "fake-alpha")
    ].copy()
    extra["metric"], extra["value"], extra["floor"] = "latent.energy", 0.4375, 0.0625
    extra["key"] = table.key[extra.index]
    add(copied, extra)
    page = build(copied, tmp_path / "report.html").read_text()
    assert 'id="latent"' in page and "not comparable between encoders" in page
    assert 'id="latent-0-fake-alpha"' in page and 'id="latent-1-fake-alpha"' in page and 'id="latent-2-fake-alpha"' not in page
    assert "encoders of fedavg" in page and "0.438" in page and "0.062" in page
