"""The pages: facts of each method, put into one HTML file that prints on A4."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import StoreError
from fpmg_bench.privacy.claim import ADD_REMOVE, SECURE, SIMULATED, ZERO_OUT
from fpmg_bench.report.measures import WORDS, epsilon, formal, holds
from fpmg_bench.report.officer.flow import picture, ways
from fpmg_bench.report.officer.light import ATTACKS, light, secured
from fpmg_bench.report.page import asset, content_policy, templates
from fpmg_bench.report.privacy import audited
from fpmg_bench.report.privacy.attacks import attacked
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import count, number

if TYPE_CHECKING:
    from fpmg_bench.report.scores import Summary

ROOM = "fpmg_bench.report.officer"
ADJACENT = {
    ADD_REMOVE: "add or remove one patient: that somebody took part is protected",
    ZERO_OUT: "zero-out: sizes and labels are public; that somebody took part, where, and with which label is not protected",
}
ASKED = {
    "PG attack": "Was this person trained on? The worst attack on the release and its weights.",
    "records alone": "The same, from the released records alone.",
    "neighbour": "The same, by a hospital or server from the messages that it received.",
    "auditor's": "The same, by somebody who holds other patients of these hospitals.",
    "own patients": "The same, of a hospital's own patients.",
    "rarest class": "The same, of the rarest class of patients.",
    "attribute": "Can a secret value be guessed from all others?",
    "singling out": "Is there a description that fits one patient alone?",
    "linkability": "Can two halves of a record be brought together?",
}
UNCOVERED = (
    "Groups: what holds for a family, a ward or everybody with a disease can be learnt from any honest release.",
    "A patient who is in two hospitals: the ε of both add up. So do those of further models trained on the same patients.",
    "The choice of method and settings, this page, the report and its scores: they rest on real patients, and no ε covers them.",
    "Attacks that were not tried. An attack that fails proves nothing; only a finite ε does.",
    "Code of others in the run: plug-ins are trusted, not contained.",
)


def write(seen: View, out: Path) -> Path:
    """Write one page a method and cohort, and return the path. Raises StoreError where no method releases anything."""
    from fpmg_bench.store import write_bytes

    sheets = [_sheet(seen, group, method) for group in seen.groups for method in group.ranked]
    if not sheets:
        raise StoreError("no method of these runs releases anything: there is nothing to sign", "a suite with a generator")
    page = templates(ROOM).get_template("officer.html.j2")
    write_bytes(out, page.render(sheets=sheets, policy=content_policy([]), style=asset("officer.css", ROOM)).encode())
    return out


def _sheet(seen: View, group: Group, method: Method) -> dict[str, Any]:
    """All that one page says."""
    return {
        "method": method.name,
        "cohort": group.dataset,
        "suite": group.run.suite,
        "planned": str(group.run.plan.get("created") or "")[:10],
        "version": str(group.run.environment.get("fpmg_bench") or ""),
        "keys": ", ".join(trial.key[:12] for trial in method.done[:3]) or "no finished trial",
        "patients": count(group.cohort.get("patients")),
        "licence": str(group.cohort.get("licence") or "not stated"),
        "light": light(seen, group, method),
        "picture": picture(method),
        "ways": list(ways(method)),
        "promise": list(_promise(method)),
        "attacks": list(_attacks(seen, group, method)),
        "audit": audited.cell(method).text,
        "uncovered": UNCOVERED,
    }


def _promise(method: Method) -> Iterator[tuple[str, str]]:
    """(what, value)."""
    yield "Unit of privacy", "one patient, with all their records and modalities, in one hospital"
    if not method.private:
        yield "ε, δ", "none: no differential privacy (ε is infinite)"
        return
    said: dict[str, Any] = next((dict(found) for t in method.done if (found := t.record.get("privacy"))), {})
    asked = method.spec["privacy"]
    adjacency = str(said.get("adjacency") or (ZERO_OUT if asked.get("public_sizes", True) else ADD_REMOVE))
    yield "Adjacency", ADJACENT.get(adjacency, adjacency)
    worst = formal(method)
    if worst is None:
        yield "ε, δ", "not spent: no trial has finished"
        return
    noise = SECURE if secured(method) else SIMULATED
    delta = said.get("delta")
    yield (
        "ε, δ",
        f"ε {epsilon(worst)}, δ {f'{delta:.0e}'.replace('e-0', 'e-') if delta else '–'}, {noise}; the largest of all hospitals and seeds",
    )
    yield (
        "Noise",
        "keys of the operating system: nobody can draw it again"
        if noise == SECURE
        else "SIMULATED: follows from the suite's seed, so it protects nobody",
    )
    if math.isfinite(worst):
        most = (
            f"{math.exp(worst):,.1f}"
            if worst < 7
            else f"{math.exp(min(worst, 700.0)):,.0f}"
            if worst < 20
            else f"{math.exp(min(worst, 700.0)):.0e}"
        )
        factor = f"the odds that a given patient took part change {most}-fold at most, but for events of probability δ"
        yield "In words", factor if noise == SECURE else f"were it secure, {factor}"
    yield "Holds with", holds(method)


def _attacks(seen: View, group: Group, method: Method) -> Iterator[dict[str, str]]:
    """Every attack that this program knows: measured with its interval, or not."""
    for measure in ATTACKS:
        found = measure.summary(seen, group, method)
        made = attacked(found, measure)
        yield {
            "name": measure.label.removeprefix("PG ").capitalize(),
            "asked": ASKED.get(measure.label, measure.hint),
            "guessing": f"{measure.unit} {number(measure.best, 1)}",
            "value": made.text if found.mean is not None else WORDS.get(found.status, found.status),
            "interval": made.small.partition("\n")[0] or _none(found),
            "tone": made.tone,
        }


def _none(found: Summary) -> str:
    return "" if found.mean is None else "no interval"
