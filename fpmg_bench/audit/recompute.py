"""Recomputes a trial's epsilon from the entries of ledger.json alone, by code that the ledger does not use,
and holds its entries against what the shards counted themselves (`drawn`), noise against the keys that it should come from.

RDP: `opacus.accountants.analysis.rdp` order by order (Mironov 2017; Mironov, Talwar and Zhang 2019). PRV: a fresh Opacus PRV
accountant with a finer mesh (Gopi, Lee and Wutschitz 2021). PLD: Google's `dp-accounting` (Doroshenko et al. 2022), which shares no
line with either, where it is installed (`pip install 'fpmg-bench[audit]'`). A run may not claim less than it spent, and the three agree:
PRV and PLD within their stated errors together, neither above RDP.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from fpmg_bench.audit import noise_checks, sampling_checks
from fpmg_bench.privacy.claim import words

MESH = 0.005  # the PRV accountant's own stated error, half of its default
TOLERANCE = 0.02  # absolute, of epsilon: twice the default error
STEP = 1e-4  # PLD's discretisation of privacy losses, pessimistic: from above
Entry = tuple[float, float, int]  # sampling rate, noise multiplier, count


@dataclass(frozen=True, slots=True)
class Recomputed:
    """One silo's epsilon: as stated, and recomputed by three accountants. budget: what the suite allowed.

    pld: None where `dp-accounting` is not installed. holds: what is said beside the number.
    """

    trial: str
    silo: str
    stated: float
    prv: float
    rdp: float
    budget: float
    delta: float
    violations: tuple[str, ...]
    pld: float | None = None
    holds: str = ""


def recompute(
    trial: Mapping[str, Any], ledger: Mapping[str, Any] | None, rounds: Sequence[Mapping[str, Any]]
) -> list[Recomputed]:
    """Every silo of a trial that claims privacy; one line naming the violation where the ledger is missing.

    trial: trial.json; ledger: ledger.json or None; rounds: the lines of rounds.jsonl.
    """
    claimed = trial["spec"].get("privacy")
    if not claimed:
        return []
    budget, delta = _number(claimed["epsilon"]), float(claimed["delta"])
    if ledger is None:
        return [
            Recomputed(
                trial["id"],
                "all",
                math.nan,
                math.nan,
                math.nan,
                budget,
                delta,
                ("privacy is claimed, but there is no ledger.json",),
            )
        ]
    audits = [_silo(trial, silo, ledger, rounds, budget) for silo in ledger["silos"]]
    missing = {silo["index"] for silo in trial.get("silos", ())} - {silo["silo"] for silo in ledger["silos"]}
    if missing:
        text = f"silos without an account: {sorted(missing)}"
        audits.append(Recomputed(trial["id"], "all", math.nan, math.nan, math.nan, budget, delta, (text,)))
    return audits


def epsilons(entries: Iterable[Entry], delta: float) -> tuple[float, float]:
    """(PRV, RDP) epsilon of Gaussian mechanisms on Poisson samples; infinite where one has no noise.

    >>> round(epsilons([(64 / 1000, 1.0, 312)], 1e-4)[1], 2)
    7.47
    """
    return _epsilons(tuple(entry for entry in entries if entry[2] > 0), delta)


@lru_cache(maxsize=256)  # silos of a trial, and trials of a method, have the same entries
def _epsilons(spent: tuple[Entry, ...], delta: float) -> tuple[float, float]:
    if not spent:
        return 0.0, 0.0
    if any(sigma <= 0 for _, sigma, _ in spent):
        return math.inf, math.inf
    return _prv(spent, delta), _rdp(spent, delta)


def pld(entries: Iterable[Entry], delta: float) -> float | None:
    """Epsilon of the same by `dp-accounting`'s privacy loss distributions; None where that is not installed."""
    if find_spec("dp_accounting") is None:
        return None
    return _pld(tuple(entry for entry in entries if entry[2] > 0), delta)


@lru_cache(maxsize=256)
def _pld(spent: tuple[Entry, ...], delta: float) -> float:
    from dp_accounting import dp_event
    from dp_accounting.pld.pld_privacy_accountant import PLDAccountant

    if any(sigma <= 0 for _, sigma, _ in spent):
        return math.inf
    account = PLDAccountant(value_discretization_interval=STEP)
    for rate, sigma, count in spent:
        noise = dp_event.GaussianDpEvent(sigma)
        account.compose(dp_event.PoissonSampledDpEvent(rate, noise) if rate < 1 else noise, count)
    return float(account.get_epsilon(delta)) if spent else 0.0


def _prv(entries: Sequence[Entry], delta: float) -> float:
    from opacus.accountants import PRVAccountant

    account = PRVAccountant()
    account.history = [(sigma, rate, count) for rate, sigma, count in entries]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # at rate 1 PRV is right, and divides by zero on the way; its start is a loose RDP
        return float(account.get_epsilon(delta=delta, eps_error=MESH))


def _rdp(entries: Sequence[Entry], delta: float) -> float:
    from opacus.accountants.analysis import rdp

    orders = [1 + x / 10.0 for x in range(1, 100)] + list(range(12, 256))
    total = sum(rdp.compute_rdp(q=rate, noise_multiplier=sigma, steps=count, orders=orders) for rate, sigma, count in entries)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # says where the best order lies at the end of the list: the bound stays valid
        return float(rdp.get_privacy_spent(orders=orders, rdp=total, delta=delta)[0])


def _silo(
    trial: Mapping[str, Any],
    silo: Mapping[str, Any],
    ledger: Mapping[str, Any],
    rounds: Sequence[Mapping[str, Any]],
    budget: float,
) -> Recomputed:
    delta = float(silo.get("delta", ledger.get("delta", trial["spec"]["privacy"]["delta"])))
    entries = [(float(e["sampling_rate"]), _number(e["noise_multiplier"]), int(e["count"])) for e in silo["entries"]]
    prv, rdp = epsilons(entries, delta)
    third = pld(entries, delta)
    budget = _number(trial["spec"].get("silos", {}).get(silo["name"], {}).get("epsilon", budget))
    stated = _number(silo["epsilon"])
    found = [
        *_claims(stated, prv, rdp, budget),
        *_third(stated, third, prv, rdp),
        *_entries(trial, silo, rounds),
        *sampling_checks.violations(silo),
        *noise_checks.violations(silo, trial),
        *([] if delta <= float(trial["spec"]["privacy"]["delta"]) else [f"delta {delta:g} is above the claimed one"]),
    ]
    return Recomputed(trial["id"], str(silo["name"]), stated, prv, rdp, budget, delta, tuple(found), third, words(trial))


def _claims(stated: float, prv: float, rdp: float, budget: float) -> list[str]:
    found = []
    if stated < prv - TOLERANCE:
        found.append(f"states epsilon {stated:.4g}, its entries cost {prv:.4g}")
    if stated > budget + TOLERANCE:
        found.append(f"epsilon {stated:.4g} is above the budget {budget:.4g}")
    if prv > rdp + TOLERANCE:
        found.append(f"PRV {prv:.4g} is above RDP {rdp:.4g}; one of them is wrong")
    return found


def _third(stated: float, third: float | None, prv: float, rdp: float) -> list[str]:
    """Where PLD says otherwise."""
    if third is None or (math.isinf(third) and math.isinf(prv)):
        return []
    found = [f"states epsilon {stated:.4g}, its entries cost {third:.4g} by PLD"] if stated < third - TOLERANCE else []
    if abs(third - prv) > TOLERANCE or third > rdp + TOLERANCE:
        found.append(f"PLD {third:.4g}, PRV {prv:.4g} and RDP {rdp:.4g} do not agree; one of them is wrong")
    return found


def _entries(trial: Mapping[str, Any], silo: Mapping[str, Any], rounds: Sequence[Mapping[str, Any]]) -> list[str]:
    """Do the entries say what the trial did: the silo's rate, and at least one charge a local step of every round?"""
    did = next((each for each in trial.get("silos", ()) if each["index"] == silo["silo"]), None)
    if did is None:
        return ["the trial does not know this silo"]
    steps = [entry for entry in silo["entries"] if entry["mechanism"] == "step"]
    found = [
        f"{entry['stage']}: charged at rate {entry['sampling_rate']:g}, drawn at {rate:g}"
        for entry in steps
        if float(entry["sampling_rate"]) < (rate := float(_pace(did, entry["stage"])["sampling_rate"])) - 1e-12
    ]
    for stage in sorted({str(record["stage"]) for record in rounds}):
        taken = sum(1 for r in rounds if r["stage"] == stage and str(silo["silo"]) in r.get("losses", {})) * int(
            _pace(did, stage)["local_steps"]
        )
        charged = sum(int(entry["count"]) for entry in steps if entry["stage"] == stage)
        if charged < taken:
            found.append(f"{stage}: {taken} local steps, {charged} charged")
    return found


def _pace(silo: Mapping[str, Any], stage: str) -> Mapping[str, Any]:
    """Rate and steps of a stage: runs from before stage 1 had its own say them once."""
    own: Mapping[str, Any] = silo.get("encoder", silo) if stage.startswith("stage1") else silo
    return own


def _number(value: Any) -> float:
    """A number of the run directory: infinities are words there."""
    return float(value)
