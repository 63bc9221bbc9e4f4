"""Bad input through the program: a clear located error or a recorded reason, never a traceback, nothing dropped silently."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.cohorts.folder import write
from fpmg_bench.types import Table

SUITE = """version: 1
name: bad
seeds: [0]
datasets: [{dataset}]
partition: {partition}
budget: {{rounds: 1, local_steps: 2, sampling_rate: 0.3, encoder_rounds: 1}}
methods:
  fpmg: {{encoders: {{table: autoencoder, image: cnn-ae}}, generator: {generator}, topology: ring, aggregator: {aggregator}{more}}}
metrics: [rg, dg, pg, fc, co, tstr]
"""
USUAL = {"dataset": "{name: phantom, patients: 90, silos: 3, modalities: [table]}", "partition": "natural"}
USUAL |= {"generator": "parallel-cgan", "aggregator": "fedavg", "more": ""}


@pytest.fixture(scope="module")
def run(program):
    """run(folder, changes of the suite) -> exit code, and what was printed on one line."""

    def made(folder, **changes):
        (folder / "bad.yaml").write_text(SUITE.format(**USUAL | changes))
        code, printed = program("run", folder / "bad.yaml", "--out", folder / "out")
        assert "Traceback" not in printed
        return code, " ".join(printed.split())

    return made


def result(folder):
    (path,) = (folder / "out" / "trials").glob("*/trial.json")
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    ("changes", "codes", "words"),
    [
        ({"aggregator": "fedavgg"}, (2, 4), ("bad.yaml:8:", "Did you mean 'fedavg'")),
        ({"generator": "{name: parallel-cgan, hidden: wide}"}, (2,), ("bad.yaml:8:", "hidden")),
        ({"more": ", topology: star"}, (2,), ("bad.yaml:8:", "topology")),
        ({"more": ", privacy: {epsilon: 0, delta: 1.0e-4}"}, (2,), ("bad.yaml:8:", "epsilon")),
        ({"dataset": "{name: nih-boxes}"}, (2, 5), ("natural",)),
        ({"partition": "{kind: iid, silos: 500}"}, (1, 2, 5), ("500 silos",)),
        ({"aggregator": "{name: coordinate-median, liars: 3}"}, (2, 5), ("7",)),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(run, tmp_path, changes, codes, words):
    code, text = run(tmp_path, **changes)
    assert code in codes, text
    assert all(word in text for word in words), text


def test_an_epsilon_that_no_noise_reaches_fails_its_trial_with_the_reason(run, tmp_path):
    code, text = run(tmp_path, more=", privacy: {epsilon: 1.0e-7, delta: 1.0e-9}")
    assert code in (1, 2, 5), text
    assert "no noise reaches" in text + json.dumps(result(tmp_path) if (tmp_path / "out" / "trials").exists() else "")


def test_one_silo_is_a_federation_of_one(run, tmp_path):
    code, text = run(tmp_path, dataset="{name: phantom, patients: 90, silos: 1, modalities: [table]}")
    assert code == 0, text
    assert result(tmp_path)["bytes"]["total"] == 0


@pytest.fixture
def cohort(tmp_path):
    return Phantom(patients=90, silos=3, modalities=("table", "image")).load()


def stored(tmp_path, cohort):
    write(cohort, tmp_path / "cohort")
    return {"dataset": f"{{name: folder, file: {tmp_path / 'cohort' / 'cohort.yaml'}}}"}


def test_gaps_a_constant_column_a_one_class_silo_and_a_rare_label_are_survived_and_said(run, tmp_path, cohort):
    frame = cohort.data["table"].frame.copy()
    numbers = [c for c in cohort.schemas["table"].columns if c.type == "number"]
    frame[numbers[0].name] = numbers[0].low
    frame.loc[::2, numbers[1].name] = np.nan
    condition = cohort.condition.copy()
    condition[cohort.silo == 0, 0] = 0
    code, text = run(
        tmp_path, **stored(tmp_path, replace(cohort, data=dict(cohort.data) | {"table": Table(frame)}, condition=condition))
    )
    assert code == 0, text
    table = pd.read_parquet(tmp_path / "out" / "results.parquet")
    assert table[table.status == "not_applicable"].reason.str.len().min() > 5
    assert table[table.status == "ok"].value.notna().all()


def test_a_modality_that_nobody_has_is_left_out(run, tmp_path, cohort):
    nobody = dict(cohort.present) | {"image": np.zeros(len(cohort), bool)}
    code, text = run(tmp_path, **stored(tmp_path, replace(cohort, present=nobody)))
    assert code in (0, 1, 2), text
    if code == 0:
        assert "image" not in result(tmp_path)["spec"]["encoders"]
    else:
        assert "image" in text


def damage_picture(folder):
    next((folder / "cohort").rglob("*.png")).write_bytes(b"not a picture")


def damage_manifest(folder):
    path = folder / "cohort" / "manifest.parquet"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_yaml(folder):
    path = folder / "cohort" / "cohort.yaml"
    path.write_bytes(path.read_bytes() + b"\nlicence\xff: x\n")


@pytest.mark.parametrize(
    ("damage", "named"), [(damage_picture, ".png"), (damage_manifest, "manifest.parquet"), (damage_yaml, "cohort.yaml")]
)
def test_a_damaged_file_is_named(run, tmp_path, cohort, damage, named):
    changes = stored(tmp_path, cohort)
    damage(tmp_path)
    code, text = run(tmp_path, **changes)
    assert code in (1, 2), text
    shown = text + (json.dumps(result(tmp_path)) if (tmp_path / "out" / "trials").exists() else "")
    assert named in shown, text
