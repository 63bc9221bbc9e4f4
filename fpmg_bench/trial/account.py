"""The privacy of one trial: a ledger a silo over both stages, calibrated before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import PrivacyError
from fpmg_bench.privacy import Draws, Ledger, plan_ledgers

if TYPE_CHECKING:
    from fpmg_bench.contracts import Learner
    from fpmg_bench.trial.parts import Parts
    from fpmg_bench.trial.silos import Silo
    from fpmg_bench.types import Charges, Cohort, Space, TrialSpec


def rounds_of(learner: Learner, budget: int) -> int:
    """The learner's own number of rounds, or the suite's."""
    return budget if learner.rounds is None else learner.rounds


def planned(spec: TrialSpec, parts: Parts, silo: Silo, train: Cohort, space: Space) -> dict[str, Charges]:
    """stage -> declared accesses of one silo: every encoder whose modality it holds, and the generator."""
    charges = {}
    for modality, encoder in parts.encoders.items():
        if bool(train.present[modality][silo.rows].any()):
            steps = silo.steps * rounds_of(encoder, spec.budget.encoder_rounds)
            charges[f"stage1:{modality}"] = encoder.charges(train.schemas[modality], steps)
    if parts.generator is not None:
        charges["stage2"] = parts.generator.charges(space, silo.steps * rounds_of(parts.generator, spec.budget.rounds))
    return charges


def open_ledgers(spec: TrialSpec, parts: Parts, silos: Sequence[Silo], train: Cohort, space: Space) -> dict[int, Ledger]:
    """Calibrated ledgers, or none without privacy. PrivacyError where delta is no smaller than one patient's share of a silo."""
    if spec.privacy is None:
        return {}
    smallest = min(silos, key=lambda s: s.patients)
    if spec.privacy.delta >= 1 / smallest.patients:
        raise PrivacyError(
            f"delta {spec.privacy.delta} is not below 1/{smallest.patients} of silo {smallest.name}: it would allow a patient's release",
            "lower delta",
        )
    named = {s.index: (s.name, s.patients, s.rate) for s in silos}
    return plan_ledgers(named, {s.index: planned(spec, parts, s, train, space) for s in silos}, spec.privacy)


def spent(ledgers: Mapping[int, Ledger], draws: Mapping[int, Draws]) -> dict[str, Any]:
    """What checkpoints and shared stages keep of the ledgers, and of what was counted beside them."""
    return {
        str(silo): {
            "charged": [[stage, kind, count] for (stage, kind), count in ledger.spent.items()],
            "observed": draws[silo].stages,
        }
        for silo, ledger in ledgers.items()
    }


def recall(ledgers: Mapping[int, Ledger], draws: Mapping[int, Draws], kept: Mapping[str, Any]) -> None:
    """Put back what was spent and counted before."""
    for silo, entries in kept.items():
        ledgers[int(silo)].spent.update({(stage, kind): count for stage, kind, count in entries["charged"]})
        draws[int(silo)].recall(entries["observed"])


def ledger_file(ledgers: Mapping[int, Ledger], draws: Mapping[int, Draws], spec: TrialSpec) -> dict[str, Any]:
    """ledger.json. observed: what the shards counted themselves; `fpmg-bench audit` holds it against the entries."""
    privacy = spec.privacy
    return {
        "unit": "patient",
        "adjacency": "add/remove",
        "scope": "the messages and the generator of this trial; not the scores of this report",
        "delta": privacy.delta if privacy else None,
        "noise": "not repeatable, from the system" if privacy and privacy.secure else "reproducible noise: not for release",
        "silos": [ledger.summary() | {"observed": draws[silo].stages} for silo, ledger in ledgers.items()],
    }


def privacy_summary(ledgers: Mapping[int, Ledger], spec: TrialSpec) -> dict[str, Any] | None:
    """The privacy entry of trial.json: epsilon is the maximum over silos, since each patient is in one."""
    if spec.privacy is None:
        return None
    rows = [ledger.summary() for ledger in ledgers.values()]
    silos = [{"silo": r["name"], **{k: r[k] for k in ("patients", "epsilon", "noise_multiplier", "entries")}} for r in rows]
    return {"epsilon": max(r["epsilon"] for r in rows), "delta": spec.privacy.delta, "unit": "patient", "silos": silos}
