"""One trial, ten steps, in order. It knows components by their contracts only, and gets everything it needs handed in.

Step 1, building the components, is the caller's. Steps 2 and 3: prepared.py; 4 to 6: learning.py; 7 to 10: judging.py. Here one
process does them all; the runner's warm processes do them apart, with the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpmg_bench.evaluation import EvaluationSpace
from fpmg_bench.trial.cost import Clock, denormals_flushed
from fpmg_bench.trial.judging import Judge
from fpmg_bench.trial.learning import Learnt, learn, opened, recalled
from fpmg_bench.trial.prepared import prepare
from fpmg_bench.trial.release import release, undecoded

if TYPE_CHECKING:
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.trial.learning import Train
    from fpmg_bench.trial.parts import Parts, Sink


def run_trial(spec: TrialSpec, parts: Parts, sink: Sink, train: Train | None = None) -> None:
    """Steps 2 to 10. Raises what cannot be recorded as a metric's failure. train: does steps 4 to 6 elsewhere."""
    with denormals_flushed():
        _run(spec, parts, sink, train)


def _run(spec: TrialSpec, parts: Parts, sink: Sink, train: Train | None) -> None:
    clock = Clock()
    sink.event({"event": "stage", "name": "load", "total": 1})
    with clock("load"):
        prepared = prepare(spec, parts.dataset)
        space = EvaluationSpace.fit(prepared.whole, spec.seed)
    judge = Judge(
        spec,
        parts,
        prepared,
        space,
        prepared.real(spec, parts.dataset.publishable, space),
        lambda models, asked, decode=True: release(
            models, parts, prepared.train if decode else undecoded(prepared.train), asked, spec.seed
        ),
    )
    learnt: Learnt | None = None
    if spec.trains:
        stages = opened(spec, parts, prepared.training, sink)
        learnt = recalled(stages, None, clock) or learn(stages, clock, train, judge.look)
    judge(learnt, sink, clock)
