"""RG does not see a picture of noise or a text of question marks: the score beside it that does, by kind of modality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fpmg_bench.calibration import Verdict, mark
from fpmg_bench.report.blocks import Cell, Head
from fpmg_bench.report.measures import cell, marked
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import number


@dataclass(frozen=True, slots=True)
class Column:
    """One score of one modality, as the table heads and the plots name it. best: where its plot has a rule; None: at its floor.

    drawn: has a plot too.
    """

    score: str
    modality: str
    label: str
    better: str
    best: float | None = None
    drawn: bool = True

    def verdict(self, view: View, group: Group) -> Verdict:
        """What calibration said of the score by modality."""
        return mark(self.score, self.modality, view.origin(group, self.score))

    def head(self, view: View, group: Group) -> Head:
        """With the calibration's sign."""
        return marked(Head(f"{self.modality}: {self.label}", self.better), self.verdict(view, group))

    def cell(self, view: View, group: Group, method: Method) -> Cell:
        """The method's score; of sight with what real patients score, since few of them have a fixed ideal."""
        found = view.summary(group, method, self.score, self.modality)
        shown = cell(found)
        if self.best is not None or found.mean is None or found.floor is None:
            return shown
        return replace(shown, small=f"{shown.small}\nreal {number(found.floor)}".strip())

    def requested(self, view: View, group: Group) -> bool:
        """Was the score, or its whole metric, asked for, whatever came of it?"""
        return any(view.has(group, name) for name in (self.score, self.score.partition(".")[0]))

    def measured(self, view: View, group: Group) -> bool:
        """Has any method a value?"""
        return any(view.summary(group, method, self.score, self.modality).mean is not None for method in group.methods)

    def rule(self, view: View, group: Group) -> float | None:
        """Where real patients are."""
        if self.best is not None:
            return self.best
        floors = [f for m in group.methods if (f := view.summary(group, m, self.score, self.modality).floor) is not None]
        return sum(floors) / len(floors) if floors else None


# kind -> (score, label); the first is drawn too. One alone is fooled: grain has the right power, a hundred copies of one sentence read well.
SIGHT: Mapping[str, tuple[tuple[str, str], ...]] = {
    "image": (("spectra.distance", "spectra, dB"), ("spectra.coherence", "coherence")),
    "video": (("spectra.distance", "spectra, dB"), ("spectra.coherence", "coherence")),
    "text": (("legibility", "legibility"), ("legibility.distinct", "distinct")),
    "table": (("possible", "impossible"), ("missingness", "gaps")),
    "series": (("step-change.off", "step change"), ("missingness", "gaps")),
}


def columns(group: Group, modalities: Sequence[str]) -> list[Column]:
    """RG of each modality, and its sight scores right after it, whether or not the run measured them."""
    schemas = group.cohort.get("schemas") or {}
    found = []
    for modality in modalities:
        shown = SIGHT.get(str((schemas.get(modality) or {}).get("kind", "")), (("", "sight"),))
        found.append(Column("rg", modality, "RG", "→ 1", best=1.0))
        found += [Column(score, modality, label, "→ real", drawn=i == 0) for i, (score, label) in enumerate(shown)]
    return found
