"""Whether this machine would compute the plan's numbers: `python -P -m fpmg_bench.cluster.check FOLDER` prints what differs, as JSON.

In a process of its own: it imports every component, and a worker must hold none of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fpmg_bench.cluster.process import BRIEF
from fpmg_bench.devices import resolved
from fpmg_bench.errors import FpmgError, StoreError
from fpmg_bench.runner import recomputed
from fpmg_bench.runner.one import die_with_parent, event_stream
from fpmg_bench.runner.outdated import differences
from fpmg_bench.spec import TrialSpec
from fpmg_bench.store import Planned, RunDir, plain, read_json

LONG = 120  # characters of a value that is shown


def main(arguments: list[str]) -> int:
    """FOLDER: a run directory with the scene's plan and the pre-images of its keys."""
    die_with_parent()
    run = RunDir(Path(arguments[0]))
    tell = event_stream()
    told = read_json(run.root / BRIEF)
    if not told:
        raise StoreError(f"{run.root}: no {BRIEF}")
    tell({"event": "differences", "found": refusals(run.trials(), told["preimages"])})
    return 0


def refusals(trials: list[Planned], preimages: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Each place at which the pre-images of these trials differ from those that this machine makes: "place planned -> here"."""
    from fpmg_bench.registry import Registry

    try:
        for kind in {trial.spec.device for trial in trials}:
            resolved(kind, "this worker")
        here = recomputed([trial.spec for trial in trials], Registry.discover())
    except FpmgError as error:  # a component, the data, or the device is not here
        return [str(error)]
    found = (text for trial in trials for text in _differing(preimages[trial.key], here[trial.id], trial.spec))
    return list(dict.fromkeys(found))


def _differing(planned: Mapping[str, Any], here: Mapping[str, Any], spec: TrialSpec) -> Iterator[str]:
    for name in ("trial", "measure"):
        old, new = ({**image[name], "trial": None} for image in (planned, plain(here)))  # in "measure": a key, which says no more
        yield from (_named(text.removeprefix("stage1."), spec) for text in differences(old, new, long=LONG))


def _named(text: str, spec: TrialSpec) -> str:
    """With the component's name where the place is one of its."""
    choices = {"dataset": spec.dataset, "generator": spec.generator, "topology": spec.topology, "aggregator": spec.aggregator}
    choices |= {f"encoders.{modality}": choice for modality, choice in spec.encoders.items()}
    for place, choice in choices.items():
        if choice is not None and text.startswith(f"{place}."):
            return f"{place} '{choice.name}': {text.removeprefix(f'{place}.')}"
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
