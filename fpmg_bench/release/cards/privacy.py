"""privacy.md: what is promised about the people behind a release, what was tried against it, and what nobody covers."""

from __future__ import annotations

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
    yield f"epsilon: {float(claimed['epsilon']):.3g} at delta {float(claimed['delta']):.0e}, the largest of all silos; noise and samples of the system's generator"
    if claimed.get("schema") != "confirmed":
        yield "schema not confirmed: ranges and categories were read from patients, and epsilon does not cover what they tell"
    if trusts := claimed.get("trusts"):
        yield f"it holds if {' and '.join(trusts)} {'is' if len(trusts) == 1 else 'are'} honest: plug-ins that meet training patients"
    yield "however many patients are drawn from this model, by whomever: they cost nothing more"
    yield "another model trained on the same people, also one of the same method, adds its own epsilon"


def _public(facts: Facts) -> Iterator[str]:
    yield "the schema: names of columns, ranges, categories, shapes (cohort.yaml); it was declared, not learnt"
    yield "which silo has a modality at all, and the method with its settings (model-card.md)"
    if facts.privacy is not None and facts.privacy.public_sizes:
        yield "numbers of patients a silo, label and modality"
    elif facts.privacy is not None:
        yield "numbers of patients only as noisy counts, which epsilon covers"


def _attacks(facts: Facts) -> str:
    rows = [row for row in facts.scores("PG") if row.get("unit") == "AUROC" and row.get("scope") == "all"]
    if not rows:
        return "Nothing: the run measured no attack. Add `membership` and `inference` to the suite's metrics.\n"
    lines = "".join(f"| {_name(row)} | {row['value']:.3f} | {_interval(row)} |\n" for row in rows)
    return f"{_whose(facts)}AUROC of recognising who was trained on: .5 is guessing, 1 is certainty. Intervals are 95 %, over patients.\n\n| attack | AUROC | interval |\n|---|---|---|\n{lines}"


def _risks(facts: Facts) -> str:
    rows = {
        name: [row for row in facts.scores("PG") if row["metric"] == name and row.get("scope") == "all"]
        for names in RISKS.values()
        for name in names
    }
    lines = ""
    for risk, names in RISKS.items():
        found = [f"{_name(row)} {row['value']:.3f} [{_interval(row)}]" for name in names for row in rows[name]]
        lines += f"| {risk} | {'; '.join(found) or 'not measured'} |\n"
    return f"Risk beyond what holds for people who were not trained on; 0 is none, 1 is all (Giomi et al. 2023).\n\n| risk | measured |\n|---|---|\n{lines}"


def _whose(facts: Facts) -> str:
    said = "The same method, trained without the patients that were held out to attack it. " if facts.spec.final else ""
    return said + (
        "These numbers come from real patients and no epsilon covers them: leave them out where that matters.\n\n"
        if facts.privacy
        else ""
    )


def _name(row: Mapping[str, Any]) -> str:
    return str(row["metric"]) + (f" ({row['modality']})" if row.get("modality") else "")


def _interval(row: Mapping[str, Any]) -> str:
    low, high = row.get("low"), row.get("high")
    return "no interval" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _uncovered(facts: Facts) -> Iterator[str]:
    yield "groups: what holds for a family, a ward or everybody with a disease can be learnt from any honest release"
    yield "patients of several silos: each silo's epsilon counts them once"
    yield "the choice of method and settings, where scores on these patients were looked at"
    yield "the attacks above are those that were tried: .5 is no proof"
    if not facts.secure:
        yield "everything else: without secure differential privacy a released record may repeat a patient's"
    yield "the run directory, its report and its scores: they stay with those who may see patients"
