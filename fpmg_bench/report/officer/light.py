"""The traffic light of a method: green only where a finite epsilon is charged with secure noise and nothing speaks against it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fpmg_bench.privacy.claim import DRAFTED, SECURE
from fpmg_bench.report.measures import ATTACK, epsilon, formal
from fpmg_bench.report.privacy import audited
from fpmg_bench.report.privacy.attacks import NEIGHBOUR, OTHERS, RECORDS, distinguishable
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import listing, number

Colour = Literal["red", "amber", "green"]
WEAK = 10.0  # an epsilon above it lets odds change more than 20,000-fold: too weak a promise for green
ATTACKS = (ATTACK, RECORDS, NEIGHBOUR, *OTHERS)


@dataclass(frozen=True, slots=True)
class Light:
    """colour and why, the weightiest reason first."""

    colour: Colour
    reasons: tuple[str, ...]


def light(view: View, group: Group, method: Method) -> Light:
    """Red: refuted, or recognised, or not even tried, without a promise. Amber: no promise, or one with a condition. Green: neither."""
    red, amber = tuple(_red(view, group, method)), tuple(_amber(view, group, method))
    if red:
        return Light("red", red + amber)
    if amber:
        return Light("amber", amber)
    worst = epsilon(formal(method))
    return Light("green", (f"A finite ε of {worst} is charged with secure noise, and neither attacks nor checks contradict it.",))


def secured(method: Method) -> bool:
    """Whether every finished trial has a finite epsilon with noise that nobody can draw again."""
    worst = formal(method)
    noises = {(trial.record.get("privacy") or {}).get("noise") for trial in method.done}
    return worst is not None and math.isfinite(worst) and noises == {SECURE}


def _red(view: View, group: Group, method: Method) -> Iterator[str]:
    for each in _same_claim(group, method):
        yield from (line for _, line in audited.refutations(each))
        yield from audited.held_out(each)
    if not method.done:
        yield "No trial of this method has finished: nothing is known of it."
    elif not method.private and not ATTACK.metric(view, group).startswith("membership"):
        yield "Nothing bounds what the release tells of a patient, and the strongest attacks were not tried (metric membership)."
    caught = _caught(view, group, method)
    if caught and not secured(method):
        yield f"Patients who were trained on are recognised better than by guessing, and no secure ε bounds it: {caught}."


def _amber(view: View, group: Group, method: Method) -> Iterator[str]:
    worst = formal(method)
    said = [trial.record.get("privacy") or {} for trial in method.done]
    if worst is None:
        return
    if not method.private:
        yield "No differential privacy was asked for: nothing bounds what the release tells of a patient."
    elif math.isinf(worst):
        yield "Something was not accounted: ε is infinite, so there is no guarantee."
    elif not secured(method):
        yield f"ε {epsilon(worst)} is simulated: the noise follows from a seed that the run tells, so it promises nothing yet. Run it again with secure: true."
    elif worst > WEAK:
        yield f"ε {epsilon(worst)} is a weak promise: above {WEAK:.0f} the odds that somebody took part may change more than 20,000-fold."
    if any(each.get("schema") == DRAFTED for each in said):
        yield "The schema is a draft: ranges and categories were read from patients, and nobody has confirmed them."
    trusted = sorted({name for each in said for name in each.get("trusts") or ()})
    if trusted:
        yield f"ε holds if {listing(trusted)}, code of others that meets patients, is honest."
    if ATTACK.summary(view, group, method).mean is None:
        yield "No membership attack was measured."
    if secured(method) and (caught := _caught(view, group, method)):
        yield f"Within what ε permits, patients who were trained on are recognised better than by guessing: {caught}."
    if len(method.done) < len(method.trials):
        yield f"{len(method.trials) - len(method.done)} of {len(method.trials)} trials did not finish."


def _caught(view: View, group: Group, method: Method) -> str:
    """Attacks that were told from guessing."""
    found = [(m, m.summary(view, group, method)) for m in ATTACKS]
    told = [(m, s) for m, s in found if distinguishable(s, 0.5 if m.best is None else m.best)]
    return listing(f"{m.label} {number(s.mean)}" for m, s in told)


def _same_claim(group: Group, method: Method) -> Iterator[Method]:
    """The method, and the audits of the same settings; not those with a planted fault, which are meant to be refuted."""
    base = method.name.partition("[")[0]
    for each in group.methods:
        planted = (each.spec.get("audit") or {}).get("sabotage", "none") != "none"
        if each is method or (each.audited and not planted and each.name.partition("[")[0] == base):
            yield each
