"""What a scene saves: `python real_side.py COHORT [rows.json]` prints CPU seconds of each metric on a first release and on a next one.

The rows of the next one must be those of a process that measures it alone; rows.json gets them, to compare two versions of the code.
"""

import json
import sys
import time

import numpy as np

SUITE = "calibration"
BESIDES = ("fc", "co", "reconstruction", "neighbour")  # in other suites
COHORTS = {
    "phantom": ("phantom", {"patients": 1500, "silos": 3}),
    "phantom-6700": ("phantom", {"patients": 6700, "silos": 4, "modalities": ["table", "series", "image"]}),
}


def parted(name):
    """A cohort's split, with its training patients in three silos where it has none of its own."""
    from dataclasses import replace

    from fpmg_bench.evaluation import split
    from fpmg_bench.registry import Registry

    dataset, params = COHORTS.get(name, (name, {}))
    source = Registry.discover().load("dataset", dataset)(**params)
    made = split(source.load(), 0)
    if not made.train.silo_names:
        made = replace(made, train=replace(made.train, silo=np.arange(len(made.train)) % 3, silo_names=("a", "b", "c")))
    return source, made


def metrics():
    """name -> metric, as the calibration has them, and what other suites ask for besides."""
    from pathlib import Path

    import yaml

    from fpmg_bench.registry import Registry

    registry = Registry.discover()
    suite = yaml.safe_load((Path(__file__).parents[2] / "suites" / f"{SUITE}.yaml").read_text())
    asked = [(word, {}) if isinstance(word, str) else (word["name"], {k: v for k, v in word.items() if k != "name"})
             for word in [*suite["metrics"], *BESIDES]]  # fmt: skip
    return {name: registry.load("metric", name)(**params) for name, params in asked}


def release(source, made, control, strength=0.5):
    """silo -> what one control makes of the training patients; the last silo has another draw of it."""
    from fpmg_bench.controls import CONTROLS
    from fpmg_bench.keys import rng_for

    one, two = (CONTROLS[control](made.train, source, strength, rng_for(seed, control)) for seed in (0, 1))
    silos = range(len(made.train.silo_names))
    return dict.fromkeys(silos, one) | {len(silos) - 1: two}


def scored(evidence, asked):
    """(CPU seconds of each metric, all rows)."""
    from fpmg_bench.trial.measure import scores_of

    seconds, rows = {}, []
    for name, metric in asked.items():
        began = time.process_time()
        rows += scores_of(name, metric, evidence, 0)
        seconds[name] = time.process_time() - began
    return seconds, rows


def measure(name):
    """CPU seconds by metric, on the first release and on the next, and whether the next one's rows are those of a fresh process."""
    from fpmg_bench.evaluation import EvaluationSpace, Measured

    source, made = parted(name)
    parts = {part: getattr(made, part) for part in ("train", "r1", "r2", "held_out", "third")}
    asked, given = metrics(), {"publishable": True, "seed": 0, "silo_names": made.train.silo_names}
    first, now = release(source, made, "collapse"), release(source, made, "bootstrap-noise")
    alone = Measured(**parts, space=EvaluationSpace.fit(made.train, 0), released=now, **given)
    _, expected = scored(alone, asked)  # also imports what metrics need
    scene = Measured(**parts, space=EvaluationSpace.fit(made.train, 0), released=first, **given)
    cold, _ = scored(scene, asked)
    warm, rows = scored(scene.next_release(now), asked)
    return {"cold": cold, "warm": warm, "same": json.dumps(rows) == json.dumps(expected), "rows": rows}


def main(name, place=None):
    found = measure(name)
    rows = found.pop("rows")
    for metric in found["cold"]:
        print(f"{metric:20}{found['cold'][metric]:8.2f}{found['warm'][metric]:8.2f}")
    total = [sum(found[side].values()) for side in ("cold", "warm")]
    print(f"{name:20}{total[0]:8.2f}{total[1]:8.2f}  {len(rows)} rows, {'the same' if found['same'] else 'OTHER ROWS'} as alone")
    if place:
        from pathlib import Path

        Path(place).write_text(json.dumps(rows, indent=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
