"""A generator that looks everywhere in its process finds its training patients where it trains, and nobody where it samples."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.registry import Registry
from fpmg_bench.store import RunDir
from fpmg_bench.trial.prepared import Loaded

PLANTED = """
    @hookimpl
    def fpmg_datasets():
        return [Component("marked", "marked_parts:Marked")]

    @hookimpl
    def fpmg_generators():
        return [Component("spy", "marked_parts:Spy")]

    import gc, json, sys
    from dataclasses import replace
    from functools import cache, lru_cache
    from pathlib import Path

    import numpy as np
    import pandas as pd
    import torch
    from fpmg_plugins.datasets.phantom import Phantom
    from fpmg_plugins.generators.statistics.gaussian_copula import GaussianCopula

    from fpmg_bench.types import Cohort, Pixels, Table, Text

    MARK = 0.40625 + 2.0**-15  # exact in float32
    WORD = "zq"

    @lru_cache(maxsize=1)
    def everybody(n):
        '''All patients, marked with their numbers in every modality, kept as a careless dataset would.'''
        cohort = Phantom(patients=n, silos=2, modalities=("table", "text", "image"), image_size=8, missing=0.0).load()
        frame = cohort.data["table"].frame.copy()
        column = next(c for c in cohort.schemas["table"].columns if c.type == "number")
        frame[column.name] = cohort.patient + MARK
        wide = tuple(replace(c, low=0.0, high=1e4, step=None) if c is column else c for c in cohort.schemas["table"].columns)
        pixels = cohort.data["image"].array().copy()
        pixels[:, 0, 0, :4] = np.stack([0 * cohort.patient + 251, 0 * cohort.patient + 7, cohort.patient // 256, cohort.patient % 256], 1)
        data = {"table": Table(frame), "text": Text(tuple(map(note, cohort.patient.tolist()))), "image": Pixels.of(pixels)}
        return replace(cohort, data=data, schemas=dict(cohort.schemas) | {"table": replace(cohort.schemas["table"], columns=wide)})

    @cache
    def note(patient):
        return f"{WORD}{patient:06d}"

    class Marked:
        '''Phantoms who can be told apart.'''
        licence = citation = "none"
        publishable = True
        about = Phantom.about

        def __init__(self, patients: int = 60):
            self.patients = patients

        def fingerprint(self):
            return str(self.patients)

        def load(self):
            return everybody(self.patients)

    def holders():
        '''Everything that can be reached in this process, each thing once.'''
        gc.unfreeze()
        frame, frames = sys._getframe(), []
        while frame is not None:
            frames += [frame, dict(frame.f_locals), frame.f_globals]
            frame = frame.f_back
        todo = [*gc.get_objects(), *frames, *map(vars, sys.modules.values())]
        seen = {id(each) for each in todo}
        while todo:
            each = todo.pop()
            yield each
            more = gc.get_referents(each)
            if isinstance(each, np.ndarray):
                more = [*more, each.base, *(each.ravel().tolist() if each.dtype == object else ())]
            more += [getattr(getattr(each, "read", None), "__self__", None)] if isinstance(each, Pixels) else []
            for other in more:
                if other is not None and id(other) not in seen:
                    seen.add(id(other))
                    todo.append(other)

    def marks(each):
        if type(each) is str and each.startswith(WORD) and each[2:].isdigit():
            return {int(each[2:])}
        if isinstance(each, Cohort):
            return set(each.patient.tolist())
        if isinstance(each, torch.Tensor) and each.layout == torch.strided and each.device.type == "cpu" and not each.is_complex():
            each = each.detach().numpy() if each.dtype in (torch.float32, torch.float64) else None
        if not isinstance(each, np.ndarray):
            return set()
        if each.dtype in (np.float32, np.float64):
            each = each.view(np.ndarray).ravel()
            return {int(x) for x in each[np.isfinite(each) & (each >= 0) & (each < 1e4)] if x % 1 == MARK}
        if each.dtype == np.uint8 and each.ndim == 4 and each.shape[-1] == 8:
            flat = each[:, 0, 0, :4].astype(int)
            return {int(c * 256 + d) for a, b, c, d in flat if (a, b) == (251, 7)}
        return set()

    class Spy(GaussianCopula):
        '''Looks around once where it trains and once where it samples.'''

        def __init__(self, report: str = ""):
            super().__init__()
            self.report = report
            self.looked = set()

        def look(self, place):
            if place not in self.looked and self.report:
                self.looked.add(place)
                found = set()
                with np.errstate(all="ignore"):
                    for each in holders():
                        found |= marks(each)
                Path(f"{self.report}/{place}.json").write_text(json.dumps(sorted(found)))

        def statistics(self, schema, shard, ctx):
            self.look("trainer")
            return super().statistics(schema, shard, ctx)

        def sample(self, schema, state, condition, rng):
            self.look("sampler")
            return super().sample(schema, state, condition, rng)
"""
SUITE = """version: 1
name: spied
seeds: [0]
datasets: [marked]
partition: natural
budget: {{rounds: 0, encoder_rounds: 1, local_steps: 1}}
methods:
  plain: {{encoders: {{table: pca, text: {{name: transformer-ae, dim: 4}}, image: pca}}, generator: spy, topology: ring, aggregator: fedavg}}
  copy: {{control: copy}}
  spied: {{extends: plain, generator: {{name: spy, report: {report}}}}}
metrics: [rg, co]
"""


@pytest.fixture
def spied(install: Any, tmp_path: Path) -> Any:
    """spied(words of the command line) -> place -> patients that were found there, and the training patients."""

    def run(*words: str) -> tuple[dict[str, set[int]], set[int]]:
        install("third-party", "marked_parts", PLANTED)
        (tmp_path / "suite.yaml").write_text(SUITE.format(report=tmp_path))
        command = [sys.executable, "-P", "-m", "fpmg_bench", "run", str(tmp_path / "suite.yaml"), "--out", str(tmp_path / "out")]
        env = os.environ | {"PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            [*command, "--jobs", "1", "--no-report", *words], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "no process is forked" not in done.stderr + done.stdout
        found = {place: set(json.loads((tmp_path / f"{place}.json").read_text())) for place in ("trainer", "sampler")}
        spec = RunDir(tmp_path / "out").trials()[0].spec
        train = Loaded.of(spec, Registry.discover().build("dataset", spec.dataset)).parted.train
        return found, set(train.patient.tolist())

    return run


def test_a_trainer_finds_its_training_patients_and_a_sampler_nobody(spied: Any) -> None:
    found, train = spied()
    assert 0 < len(train) < 60
    assert found["trainer"] == train
    assert found["sampler"] == set()


def test_in_an_interpreter_of_its_own_it_finds_everybody(spied: Any) -> None:
    found, _ = spied("--isolate", "fresh", "-k", "spied")
    assert found["trainer"] == found["sampler"] == set(range(60))
