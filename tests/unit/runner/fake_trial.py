"""A trial's subprocess with a tiny learner instead of plug-ins. What it shall do wrong is a parameter of its dataset.

Usage: python -P fake_trial.py RUN KEY. A number a silo is "trained" for some rounds: x <- cos(x + seed + silo), then the mean.
`light`: no states are stored, so that torch is never imported.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from fpmg_bench.runner.one import execute, find
from fpmg_bench.spec import TrialSpec
from fpmg_bench.store import RunDir, TrialSink

FOR_EVER = 3600.0  # longer than any test may take


def federate(sink: TrialSink, stage: str, spec: TrialSpec, states: dict[int, Any], rounds: int) -> dict[int, Any]:
    point = sink.restore(stage)
    now = 0 if point is None else point.round
    states = states if point is None else dict(point.states)
    sink.event({"event": "stage", "name": stage, "total": rounds})
    for round in range(now, rounds):
        misbehave(spec, stage, round)
        trained = [(state["net/x"] + spec.seed + silo) for silo, state in states.items()]
        merged = {"net/x": sum(x.cos() if hasattr(x, "cos") else math.cos(x) for x in trained) / len(trained)}
        states = dict.fromkeys(states, merged)
        sink.round({"stage": stage, "round": round, "x": float(merged["net/x"]), "bytes": 8})
        sink.checkpoint(stage, round + 1, states, {"silos": {silo: {} for silo in states}}, {"rounds": round + 1})
    return states


def misbehave(spec: TrialSpec, stage: str, round: int) -> None:
    wish = spec.dataset.params
    time.sleep(wish.get("sleep", 0.0))
    if (stage, round) != (wish.get("stage", "stage2"), wish.get("at", 2)):
        return
    once = Path(wish["once"]) if "once" in wish else None
    if once is not None and once.exists():
        return
    if once is not None:
        once.touch()
    fault = wish.get("fault")
    print(f"about to {fault}", flush=True)
    if fault == "raise":
        raise ArithmeticError("the loss is not a number")
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "exit":
        sys.exit(7)
    if fault == "fork":
        if os.fork() == 0:
            time.sleep(FOR_EVER)
        time.sleep(FOR_EVER)
    if fault == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(FOR_EVER)


def measure(spec: TrialSpec, sink: TrialSink, value: float) -> list[Any]:
    """As `trial.measure` does; every metric says the same."""
    for choice in spec.metrics:
        row: dict[str, Any] = {"metric": choice.name, "key": choice.name, "value": value, "higher_is_better": True}
        if choice.name not in sink.scores:
            sink.event({"event": "stage", "name": f"measure:{choice.name}", "total": 1})
            ended = sink.ended.get(choice.name)
            if ended:
                row |= {"value": None, "status": ended[0], "reason": ended[1]}
            else:
                misbehave(spec, f"measure:{choice.name}", 2)
            print(f"measured {choice.name} in {os.getpid()}")
            sink.keep_scores(choice.name, [row])
    return [row for choice in spec.metrics for row in sink.scores[choice.name]]


def number(value: float, light: bool) -> Any:
    if light:
        return value
    import torch

    return torch.tensor([value], dtype=torch.float64)


def trial(spec: TrialSpec, sink: TrialSink) -> None:
    rounds, wish = spec.budget.rounds, spec.dataset.params
    light = wish.get("light", False)
    misbehave(spec, "load", 0)
    start = {silo: {"net/x": number(float(spec.seed), light)} for silo in range(3)}
    shared = sink.load_stage1()
    if shared is None:
        encoders = federate(sink, "stage1:labs", spec, start, rounds)
        if not light:
            sink.save_stage1({silo: {"labs": state} for silo, state in encoders.items()}, {})
    else:
        encoders = {silo: states["labs"] for silo, states in shared.states.items()}
    states = sink.trained()
    if states is None:
        states = federate(sink, "stage2", spec, encoders, rounds)
        if not light:
            sink.save_trained(states)
    print("a library prints to stdout")
    os.write(1, b'{"event": "forged"}\n')
    value = float(states[0]["net/x"]) + spec.dataset.params.get("offset", 0.0)
    scores = measure(spec, sink, value)
    if wish.get("fault") == "mute":
        sink.emit = lambda event: os.kill(os.getpid(), signal.SIGKILL)
    sink.finish({"scores": scores, "seconds": {"total": 1.0}, "rounds_run": len(sink.rounds)})


def main() -> int:
    run = RunDir(Path(sys.argv[1]))
    return execute(run, find(run, sys.argv[2]), lambda spec: (True, lambda sink: trial(spec, sink)))


if __name__ == "__main__":
    sys.exit(main())
