"""privacy.md: what is promised about the people behind a release, what was tried against it, and what nobody covers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fpmg_bench.privacy.claim import ADD_REMOVE, ZERO_OUT
from fpmg_bench.release.cards.facts import Facts, bullets

# Article 29 Working Party, opinion 05/2014 on anonymisation techniques (WP216), section 2.2: the risk, what was measured of it
RISKS: Mapping[str, Sequence[str]] = {
    "singling out (a record that fits one person only)": ("inference.singling_out", "inference.singling_out.column"),
    "linkability (two records that belong to one person)": ("inference.linkability",),
    "inference (the value of an attribute, from the others)": ("inference.attribute", "inference.attribute.worst"),
}
MEANING = {
    ADD_REMOVE: "add/remove: the release would be nearly as likely with any one patient left out or added",
    ZERO_OUT: "zero-out: the release would be nearly as likely had any one patient brought nothing; that somebody took part, their silo and their label are public",
}
GUESSING = 0.5
ATTACKS: Mapping[str, str] = {  # what the attacker does; docs/metrics.md has more
    "membership.worst": "the worst of all below, chosen on one half of the patients and scored on the other",
    "membership.records": "the worst of those that need the released files alone",
    "membership.own": "the worst, against patients of the hospital that released",
    "membership.minority": "the worst, against the rarest class",
    "membership.vulnerable": "the worst, against the patients who are least like the others",
    "membership.distance": "is a released record near to the patient?",
    "membership.domias": "are there more released records about the patient than other patients would explain? (nearest neighbours)",
    "membership.kernel": "the same, with kernels",
    "membership.trace": "do averages of 20,000 draws of the model lean towards the patient? Needs the model",
    "membership.trace.records": "the same, from the released files",
    "membership.trace.vectors": "the same, from the release before it was decoded. Needs the model",
    "membership.trace.encoded": "the same, from the released files and the encoders",
    "membership.queries": "do counts of combinations of values lean towards the patient?",
    "membership.discriminator": "does the part of the model that judged records know the patient? Needs the model",
    "membership.encoder": "is the patient encoded and decoded too well? Needs the model",
    "pg.attack_auc": "is a released record near to the patient?",
    "pg.attack_own": "the same, against patients of the hospital that released",
}


def text(facts: Facts) -> str:
    """The whole file."""
    return (
        f"# Privacy of this release\n\n{_against(facts)}"
        f"## What is promised\n\n{bullets(list(_promise(facts)))}\n"
        f"## What is public\n\n{bullets(list(_public(facts)))}\n"
        f"## What was tried against it\n\n{_attacks(facts)}\n"
        f"## The three risks of WP29 opinion 05/2014\n\n{_risks(facts)}\n"
        f"## What is not covered\n\n{bullets(list(_uncovered(facts)))}\n"
        "## Signed\n\nI have read this page, and these patients may be handed to those named here.\n\n"
        "To whom: ______________________   For what: ______________________\n\n"
        "Name: ______________________   Date: ____________   Signature: ______________________\n"
    )


def _against(facts: Facts) -> str:
    if not facts.overruled:
        return ""
    return f"**Released against the program's refusal.**\n\n{bullets(facts.overruled)}\nReason given: {facts.anyway}\n\n"


def _promise(facts: Facts) -> Iterator[str]:
    claimed = facts.chosen.result.get("privacy") or {}
    if facts.privacy is None:
        yield "differential privacy: none was asked for. No guarantee (epsilon is infinite)."
        return
    yield "unit: one patient, with all records and modalities, in one silo"
    yield f"adjacency: {MEANING.get(str(claimed.get('adjacency')), str(claimed.get('adjacency')))}"
    if not facts.secure:
        yield "epsilon: simulated: no guarantee. The noise follows from a seed that the run tells."
        return
    epsilon, delta = float(claimed["epsilon"]), float(claimed["delta"])
    yield f"epsilon: {epsilon:.3g} at delta {delta:.0e}, the largest of all silos; noise and samples come from the operating system, and nobody can draw them again"
    yield (
        f"in words: whatever is seen in these files, the odds that a given patient was among those trained on change by a factor of {_factor(epsilon)} at most, "
        f"but for events of probability {delta:.0e}. Near 0 nothing can be learnt of anybody; a large epsilon is a weak promise, and the attacks below say how weak"
    )
    if claimed.get("schema") != "confirmed":
        yield "schema not confirmed: ranges and categories were read from patients, and epsilon does not cover what they tell"
    if trusts := claimed.get("trusts"):
        yield f"it holds if {' and '.join(trusts)} {'is' if len(trusts) == 1 else 'are'} honest: plug-ins that meet training patients"
    yield "however many patients are drawn from this model, by whomever: they cost nothing more"
    yield "another model trained on the same people, also one of the same method, adds its own epsilon"


def _public(facts: Facts) -> Iterator[str]:
    claimed = facts.chosen.result.get("privacy") or {}
    learnt = facts.recipe.form.drafted or claimed.get("schema") not in (None, "confirmed")
    whence = "it is a draft, learnt from patients" if learnt else "the owner says that it was declared, not learnt from patients"
    yield f"the schema: names of columns, ranges, categories, shapes (cohort.yaml); {whence}"
    yield "which silos there are, which of them has a modality at all, and the method with its settings (model-card.md)"
    if facts.privacy is not None and facts.privacy.public_sizes:
        yield "numbers of patients a silo, label and modality"
    elif facts.privacy is not None:
        yield "numbers of patients only as noisy counts, which epsilon covers; delta, where the suite says none, tells the number of patients to a power of ten"
    else:
        yield "numbers of patients, exactly: those that trained, and as many as were drawn of each class"


def _attacks(facts: Facts) -> str:
    rows = [row for row in facts.scores("PG") if row.get("unit") == "AUROC" and row.get("scope") == "all"]
    if not rows:
        return "Nothing: the run measured no attack. Add `membership` and `inference` to the suite's metrics.\n"
    worst = _worst(rows)
    lines = "".join(
        f"| {_name(row)} | {ATTACKS.get(row['metric'], '')} | {row['value']:.3f} | {_interval(row)} |\n" for row in worst
    )
    trained = len(facts.chosen.evaluated)
    most = f" Of {trained} trainings the one where the attack did best stands here." if trained > 1 else ""
    return (
        f"{_whose(facts)}An attacker who knows a person's whole record asks: was this person trained on? AUROC: how often a patient who was is ranked before one "
        f"who was not; .5 is guessing, 1 is certainty. Intervals are 95 %, over patients.{most} {_verdict(facts, worst)}\n\n"
        f"| attack | what it asks | AUROC | interval |\n|---|---|---|---|\n{lines}"
    )


def _worst(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """One row an attack (and modality): that of the trial where it did best."""
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        if _name(row) not in found or row["value"] > found[_name(row)]["value"]:
            found[_name(row)] = row
    return list(found.values())


def _verdict(facts: Facts, rows: Sequence[Mapping[str, Any]]) -> str:
    """Of attacks that can be told from guessing."""
    told = [row for row in rows if row.get("low") is not None and row["low"] > GUESSING]
    if not told:
        return "None of them can be told from guessing here; with few patients that says little."
    top = max(told, key=lambda row: float(row["value"]))
    return f"**{len(told)} of {len(rows)} can be told from guessing, at most {_name(top)} with {top['value']:.3f}.**"


def _risks(facts: Facts) -> str:
    rows = {
        name: [row for row in facts.scores("PG") if row["metric"] == name and row.get("scope") == "all"]
        for names in RISKS.values()
        for name in names
    }
    lines = ""
    for risk, names in RISKS.items():
        found = [f"{_name(row)} {row['value']:.3f} [{_interval(row)}]" for name in names for row in _worst(rows[name])]
        lines += f"| {risk} | {'; '.join(found) or 'not measured'} |\n"
    return f"How much oftener an attacker is right about people who were trained on than about others: 0 is no oftener, 1 always (Giomi et al. 2023). Below 0 is chance.\n\n| risk | measured |\n|---|---|\n{lines}"


def _whose(facts: Facts) -> str:
    said = "The same method, trained without the patients that were held out to attack it. " if facts.spec.final else ""
    return said + (
        "**For who signs, not for who receives.** These numbers, and those of the next section, come from real patients, and no epsilon covers them: "
        "take both sections out before the files are handed on.\n\n"
        if facts.privacy
        else ""
    )


def _name(row: Mapping[str, Any]) -> str:
    return str(row["metric"]) + (f" ({row['modality']})" if row.get("modality") else "")


def _factor(epsilon: float) -> str:
    """e^epsilon, to be read."""
    return (
        f"{math.exp(epsilon):,.2f}"
        if epsilon < 2
        else f"{math.exp(min(epsilon, 700.0)):,.0f}"
        if epsilon < 20
        else f"{math.exp(min(epsilon, 700.0)):.0e}"
    )


def _interval(row: Mapping[str, Any]) -> str:
    low, high = row.get("low"), row.get("high")
    return "no interval" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _uncovered(facts: Facts) -> Iterator[str]:
    yield "groups: what holds for a family, a ward or everybody with a disease can be learnt from any honest release"
    if facts.privacy is not None:
        yield "a patient of two silos: the epsilons of both add up"
    yield "the choice of method and settings, where scores on these patients were looked at"
    yield "the attacks above are those that were tried: .5 is no proof"
    if not facts.secure:
        yield "everything else: without secure differential privacy a released record may repeat a patient's"
    yield "the run directory, its report and its scores: they stay with those who may see patients"
