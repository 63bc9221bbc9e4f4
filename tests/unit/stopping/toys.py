"""Records to ask, and trials that are killed."""

import torch

from fpmg_bench import runner
from fpmg_bench.registry import Registry
from fpmg_bench.runner.one import build
from fpmg_bench.store import RunDir, TrialSink, read_json
from fpmg_bench.trial import run_trial
from fpmg_bench.types import Column, Representation, Space

SPACE = Space({"a": slice(0, 1), "b": slice(1, 2)}, (Column("label", "flag"),))


def rows(z, label, present=None):
    z = torch.tensor(z, dtype=torch.float32)
    there = torch.ones(len(z), 2, dtype=torch.bool) if present is None else torch.tensor(present)
    return Representation(z, there, torch.tensor(label, dtype=torch.float32)[:, None], torch.arange(len(z)), SPACE)


class Dies(Exception):
    """kill -9 after a round's messages have left."""


def dying(at: int) -> type[TrialSink]:
    """A sink that dies once this round of stage 2 has been exchanged."""

    class Mortal(TrialSink):
        def round(self, record):
            if (record["stage"], record["round"]) == ("stage2", at):
                raise Dies
            TrialSink.round(self, record)

    return Mortal


def plan(suite, folder):
    """A run of this suite, planned below a folder: its place, and its trials by method."""
    (folder / "suite.yaml").write_text(suite)
    runner.plan(folder / "suite.yaml", Registry.discover(), out=folder / "out")
    place = RunDir(folder / "out")
    return place, {trial.spec.method: trial for trial in place.trials()}


def go(place, trial, sink=TrialSink):
    """Run one trial of a planned run: its result and its sink."""
    made = sink(place, trial, True, lambda event: None, 0.0)
    run_trial(trial.spec, build(trial.spec, Registry.discover()), made)
    return read_json(place.trial(trial.key) / "trial.json"), made
