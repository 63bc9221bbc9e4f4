"""The privacy of one trial: a ledger a silo over both stages, calibrated before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import PrivacyError
from fpmg_bench.federation import hidden
from fpmg_bench.privacy import Draws, Ledger, Noise, calibrate
from fpmg_bench.privacy.claim import SAID, claim
from fpmg_bench.spec import Adjust, Stop
from fpmg_bench.stopping import planned as stopping
from fpmg_bench.trial import requested, sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Learner
    from fpmg_bench.spec import Privacy, TrialSpec
    from fpmg_bench.trial.parts import Parts
    from fpmg_bench.trial.silos import Silo
    from fpmg_bench.types import Charges, Cohort, Space


def rounds_of(learner: Learner, budget: int) -> int:
    """The learner's own number of rounds, or the suite's."""
    return budget if learner.rounds is None else learner.rounds


def planned(spec: TrialSpec, parts: Parts, silo: Silo, train: Cohort, space: Space) -> dict[str, Charges]:
    """stage -> declared accesses of one silo: every encoder whose modality it holds, and the generator."""
    charges = sizes.charges(spec.privacy) | (requested.charges(train.conditions) if spec.privacy else {})
    for modality, encoder in parts.encoders.items():
        if bool(train.present[modality][silo.rows].any()):
            schema, rounds = train.schemas[modality], rounds_of(encoder, spec.budget.encoder_rounds)
            charges |= stopping.accesses(spec.budget, encoder, schema, f"stage1:{modality}", silo.stage1.steps, rounds)
    if parts.generator is not None:
        rounds = rounds_of(parts.generator, spec.budget.rounds)
        charges |= stopping.accesses(spec.budget, parts.generator, space, "stage2", silo.stage2.steps, rounds)
    return charges


def open_ledgers(
    spec: TrialSpec,
    parts: Parts,
    silos: Sequence[Silo],
    train: Cohort,
    space: Space,
    found: Mapping[str, Any] | None = None,
    among: int = 0,
) -> dict[int, Ledger]:
    """Calibrated ledgers, or none without privacy. PrivacyError where delta is no smaller than one patient's share of a silo.

    found: `noises` of an earlier process of the trial: a calibration costs seconds. among: how many silos there are, where
    others are in other processes.
    """
    if spec.privacy is None:
        return {}
    smallest = min(silos, key=lambda s: s.patients)
    if spec.privacy.delta >= 1 / smallest.patients:
        raise PrivacyError(
            f"delta {spec.privacy.delta} is not below 1/{smallest.patients} of silo {smallest.name}: it would allow a patient's release",
            "lower delta",
        )
    known = {silo: Noise(**noise) for silo, noise in (found or {}).items()}
    found_ledgers = {
        s.index: _ledger(spec, spec.privacy, s, planned(spec, parts, s, train, space), train, known.get(str(s.index)))
        for s in silos
    }
    if not among:
        _refuse_blind(spec, silos, found_ledgers)
    if spec.privacy.colluding is not None:
        _share(found_ledgers.values(), spec, parts, train, silos, among)
    return found_ledgers


def _refuse_blind(spec: TrialSpec, silos: Sequence[Silo], ledgers: Mapping[int, Ledger]) -> None:
    """PrivacyError where the noise of a check, as a share of its clip, is more than the betterment that it is to see."""
    stop = Stop.of(spec.budget.stop)
    checks = {name for ledger in ledgers.values() for name in ledger.planned if name.startswith(stopping.check_of(""))}
    if stop is None or not checks:
        return
    noise = sum(ledger.noise.statistics**2 for ledger in ledgers.values()) ** 0.5
    patients = stop.share * sum(silo.patients for silo in silos)
    if noise > stop.better * patients:
        planned = max(ledger.planned[name].counts for ledger in ledgers.values() for name in checks & ledger.planned.keys())
        raise PrivacyError(
            f"a check asks about {patients:.0f} patients held in, and noise of {noise / patients:.2g} of its clip hides a {stop.by} that is "
            f"better by {stop.better:g}: epsilon pays for {planned} checks",
            f"fewer checks (stop.every, rounds), a larger stop.share or stop.{stop.by}, or fixed rounds: stop: null",
        )


def additive(learner: Learner | None) -> bool:
    """Whether a learner says that its statistics are linear in moments and counts, so that silos may share their noise."""
    return bool(getattr(learner, "additive", False))


def _share(ledgers: Iterable[Ledger], spec: TrialSpec, parts: Parts, train: Cohort, silos: Sequence[Silo], among: int) -> None:
    """Each silo adds sigma / sqrt(n - t) to what is summed under masks: the noise of n - t silos is all that epsilon asks for.

    n: silos of the stage that the fewest take part in; among: all, where others are in other processes.
    """
    assert spec.privacy is not None and spec.privacy.colluding is not None
    learners: dict[str, Learner | None] = {f"stage1:{m}": encoder for m, encoder in parts.encoders.items()}
    learners["stage2"] = parts.generator
    summed, fewest = set[str](), among or len(silos)
    for stage, learner in learners.items():
        if learner is None or not additive(learner):
            continue
        modality = stage.partition(":")[2]
        holders = [s.index for s in silos if not modality or bool(train.present[modality][s.rows].any())]
        n = among or len(holders)
        if not hidden(parts.topology, stage, spec.seed, n):
            raise PrivacyError(
                f"{stage}: the noise of sums that are not hidden cannot be shared, and those of {n} silos over this topology are not",
                "leave `colluding` out, or take three silos, or two and a server, and sums: masked",
            )
        fewest = min(fewest, n)
        budget = spec.budget.rounds if stage == "stage2" else spec.budget.encoder_rounds
        summed |= {stage} if rounds_of(learner, budget) == 0 else set()
    colluding = spec.privacy.colluding
    if colluding >= fewest:
        raise PrivacyError(
            f"{colluding} of {fewest} silos may collude, and no other is left", f"write colluding: {fewest - 1} or less"
        )
    for ledger in ledgers:
        noise = replace(ledger.noise, share=(fewest - colluding) ** -0.5, total=(fewest / (fewest - colluding)) ** 0.5)
        ledger.noise, ledger.summed = noise, frozenset(summed)


def noises(ledgers: Mapping[int, Ledger]) -> dict[str, Any]:
    """Silo -> its noise multipliers, as JSON."""
    return {str(silo): asdict(ledger.noise) for silo, ledger in ledgers.items()}


def _ledger(
    spec: TrialSpec, privacy: Privacy, silo: Silo, plan: Mapping[str, Charges], train: Cohort, noise: Noise | None
) -> Ledger:
    """One silo's, calibrated to its own budget and rates."""
    own = replace(privacy, epsilon=silo.epsilon or privacy.epsilon)
    rates = {stage: float(np.max(rates_of(spec, silo, train, stage))) for stage in plan}
    adjust, later = Adjust.of(spec.budget.adjust), stopping.adjusted_of("stage2")
    if adjust is not None and later in plan:  # whichever class it will be
        rates[later] = stopping.highest(rates_of(spec, silo, train, "stage2"), adjust.times)
    return Ledger(silo.index, silo.name, silo.patients, rates, own, noise or calibrate(plan, rates, own), plan)


def rates_of(spec: TrialSpec, silo: Silo, train: Cohort, stage: str) -> float | NDArray[np.float64]:
    """The silo's sampling rate, or one for each of its records: under `privacy.balanced` every class is as frequent in stage 2.

    q_c = q n / (K n_c), from the label counts that are declared public, at most stopping.MOST: rare classes are drawn more often instead of
    weighing more, because weights before clipping do nothing and after it void the sensitivity.
    """
    if stage != "stage2" or spec.privacy is None or not spec.privacy.balanced:
        return silo.pace(stage).rate
    label = train.label[silo.rows]
    counts = np.bincount(label, minlength=len(train.classes))
    rate = silo.stage2.rate
    even = rate * len(label) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return np.minimum(even, max(stopping.MOST, rate))[label]


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


def ledger_file(
    ledgers: Mapping[int, Ledger], draws: Mapping[int, Draws], spec: TrialSpec, drafted: bool, trusted: Sequence[str]
) -> dict[str, Any]:
    """ledger.json. observed: what the shards counted themselves; `fpmg-bench audit` holds it against the entries.

    drafted, trusted: see `privacy.claim`.
    """
    privacy = spec.privacy
    said = claim(privacy, drafted, trusted) if privacy else {}
    return {
        "unit": "patient",
        **said,
        "scope": "the messages and the generator of this trial; not the scores of this report, nor `observed`, which is for an auditor",
        "delta": privacy.delta if privacy else None,
        "tuning": _tuning(spec),
        "noise_means": SAID.get(said.get("noise", ""), ""),
        "silos": [ledger.summary() | {"observed": draws[silo].stages} for silo, ledger in ledgers.items()],
    }


def _tuning(spec: TrialSpec) -> str:
    """What epsilon does not say of patients whose scores chose hyper-parameters: they are others than those trained on here."""
    if spec.final and spec.holdout:
        return "hyper-parameters may have been tuned on patients who are among these: this epsilon does not cover that"
    if spec.tuning:
        return "a trial of a study: its scores on patients steer the search, which nothing accounts for"
    if spec.holdout:
        share = f"{spec.holdout:.0%} of the cohort"
        return f"hyper-parameters may have been tuned on {share}, other patients than these: this epsilon does not cover them"
    return "none"


def privacy_summary(
    ledgers: Mapping[int, Ledger], spec: TrialSpec, drafted: bool, trusted: Sequence[str]
) -> dict[str, Any] | None:
    """The privacy entry of trial.json: epsilon is the maximum over silos, since each patient is in one."""
    if spec.privacy is None:
        return None
    rows = [ledger.summary() for ledger in ledgers.values()]
    told = ("patients", "epsilon", "noise_multiplier", "entries", "colluding", "epsilon_of_totals")
    silos = [{"silo": r["name"], **{k: r[k] for k in told if k in r}} for r in rows]
    totals = [r["epsilon_of_totals"] for r in rows if "epsilon_of_totals" in r]
    head = {"epsilon": max(r["epsilon"] for r in rows), "delta": spec.privacy.delta, "unit": "patient"}
    shared = {"colluding": spec.privacy.colluding, "epsilon_of_totals": max(totals)} if totals else {}
    return head | claim(spec.privacy, drafted, trusted) | shared | {"silos": silos}
