"""Seconds of a suite of some scenes, of one trial each, on Dask workers of this machine: `python cluster_workers.py SCENES ROUNDS WORKERS...`."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

SUITE = """version: 1
name: scenes
seeds: [{seeds}]
datasets: [{{name: phantom, patients: 300, silos: 3, modalities: [table]}}]
budget: {{rounds: {rounds}, local_steps: 20, sampling_rate: 0.2, encoder_rounds: 2}}
methods:
  ring: {{encoders: {{table: autoencoder}}, generator: parallel-cgan, topology: ring, aggregator: fedavg}}
metrics: [rg]
"""


def measure(scenes: int, rounds: int, workers: int) -> dict[str, float]:
    """Wall seconds from the plan to the table, without the start of the workers; trials that ended well; the machine's load before.

    busy: the share of the workers' time, from the first trial's start to the last one's end, in which they ran a trial.
    """
    from fpmg_bench import runner
    from fpmg_bench.cluster import connected
    from fpmg_bench.registry import Registry

    with tempfile.TemporaryDirectory() as place:
        suite = Path(place) / "scenes.yaml"
        suite.write_text(SUITE.format(seeds=", ".join(map(str, range(scenes))), rounds=rounds))
        with connected(f"local:{workers}") as elsewhere:
            registry = Registry.discover()
            at: dict[tuple[str, str], float] = {}
            load, begun = os.getloadavg()[0], time.monotonic()
            outcome = runner.run(
                suite, registry=registry, out=Path(place) / "run", elsewhere=elsewhere,
                on_event=lambda event: at.setdefault((event["event"], event.get("trial", "")), time.monotonic()),
            )  # fmt: skip
            seconds = time.monotonic() - begun
    ran = {trial: (begun, at["end", trial]) for (event, trial), begun in at.items() if event == "start"}
    span = max(end for _, end in ran.values()) - min(start for start, _ in ran.values())
    busy = sum(end - start for start, end in ran.values()) / (workers * span)
    return {"seconds": seconds, "ok": outcome.counts["ok"], "load": load, "busy": busy}


if __name__ == "__main__":
    asked = [int(word) for word in sys.argv[1:]]
    print(json.dumps({workers: measure(*asked[:2], workers) for workers in asked[2:]}))
