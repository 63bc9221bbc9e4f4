"""What a cohort.yaml says of its cohort, without reading the cohort."""

from __future__ import annotations

from fpmg_bench.contracts import About
from fpmg_plugins.datasets.folder.label import declared
from fpmg_plugins.datasets.folder.spec import CohortSpec, SiloSpec


def about(spec: CohortSpec, access: str = "") -> About:
    """Modalities that are neither under `real` nor under `derived` count as real: the file says nothing else of them."""
    known = {**spec.real, **spec.derived}
    reported = {
        name: f"{part.kind}: {known[name]}" if name in known else f"{part.kind}: of origin not stated"
        for name, part in spec.modalities.items()
    }
    return About(
        task=_task(spec),
        silos=_silos(spec.silo) if spec.silo else "",
        real={name: words for name, words in reported.items() if name not in spec.derived},
        derived={name: words for name, words in reported.items() if name in spec.derived},
        leaks=frozenset(spec.leaks),
        traps=spec.traps,
        access=access,
    )


def _task(spec: CohortSpec) -> str:
    label, *target = declared(spec)
    if label.stands_for == "event":
        return f"{label.name} at {target[0].name}, or none until then"
    if label.stands_for == "number":
        return f"{target[0].name}: a number from {target[0].low:g} to {target[0].high:g}; strata {' | '.join(label.categories)}"
    return f"{label.name}: {' | '.join(label.categories) or '0 | 1'}" if spec.leading else "none: every score but utility"


def _silos(silo: SiloSpec) -> str:
    """How silos are formed, and their names where the file lists them."""
    names = silo.names or tuple(silo.groups)
    return f"by {silo.column}" + (f": {', '.join(names)}" if names else "")
