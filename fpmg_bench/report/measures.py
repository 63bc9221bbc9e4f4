"""The columns that the report speaks about: which metric, what it means, which way is better and how it is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fpmg_bench.calibration import Verdict, mark
from fpmg_bench.privacy.claim import words
from fpmg_bench.report.blocks import Cell, Head, Tone
from fpmg_bench.report.scores import Summary
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import as_float, byte_size, number, plural, span
from fpmg_bench.stats import loss


def epsilon(value: Any) -> str:
    """A formal epsilon; infinite where there is no guarantee."""
    found = as_float(value)
    return "∞" if found is None or math.isinf(found) else number(found, 2)


@dataclass(frozen=True, slots=True)
class Measure:
    """One column. names: the metric and its other spellings, first found wins. best: the ideal, None for "less is better".

    words: a spelling -> its own label, hint and unit, where it is not the same statistic. plain: the same in a word or two.
    """

    names: tuple[str, ...]
    label: str
    better: str
    hint: str
    best: float | None = None
    higher: bool = False
    unit: str = ""
    say: Callable[[Any], str] = number
    words: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    plain: str = ""

    def metric(self, view: View, group: Group) -> str:
        """The first spelling that has a value on this cohort, else the first that was asked for, else empty."""
        requested = [name for name in self.names if view.has(group, name)]
        return next((name for name in requested if view.measured(group, name)), next(iter(requested), ""))

    def requested(self, view: View, group: Group) -> bool:
        """Was the score, or its whole metric, asked for on this cohort, whatever came of it?"""
        return any(view.has(group, name) or view.has(group, name.partition(".")[0]) for name in self.names)

    def loss(self, value: float) -> float:
        """Smaller is better (`stats.loss`)."""
        ratio = self.best == 1 and not self.higher
        return loss(value, None if ratio else self.higher, self.best, "ratio" if ratio else self.unit) or 0.0

    def head(self, view: View, group: Group) -> Head:
        """With the metric's calibration verdict: a sign after the label, and its words after the explanation."""
        label, hint, unit = self.said(view, group)
        return marked(Head(label, self.better, unit, hint, plain=self.plain), self.verdict(view, group))

    def name(self, view: View, group: Group) -> str:
        """The label with the sign of its calibration verdict: how prose and figures quote the score."""
        return self.said(view, group)[0] + self.verdict(view, group).sign

    def said(self, view: View, group: Group) -> tuple[str, str, str]:
        """Label, hint and unit of the spelling that this cohort shows."""
        return self.words.get(self.metric(view, group), (self.label, self.hint, self.unit))

    def verdict(self, view: View, group: Group) -> Verdict:
        """What the reference calibration said of the spelling that this cohort shows."""
        key = self.metric(view, group) or self.names[0]
        return mark(key, origin=view.origin(group, key))

    def summary(self, view: View, group: Group, method: Method) -> Summary:
        """The method's mean and interval under whichever spelling is there."""
        return view.summary(group, method, self.metric(view, group) or self.names[0])


RG = Measure(
    ("rg",),
    "RG",
    "→ 1",
    "Realism: distance of synthetic records to real ones, over that of real to real. Above 1: less real.",
    1.0,
    plain="realism",
)
DG = Measure(
    ("dg",),
    "DG",
    "→ 1",
    "Diversity: distance of real records to synthetic ones, over that of real to real. Above 1: missing modes.",
    1.0,
    plain="diversity",
)
SPREAD = Measure(
    ("dg.spread",),
    "DG spread",
    "→ 1",
    "How far synthetic records lie from each other, over the same of real ones. Below 0.8: under-dispersed.",
    1.0,
    plain="variety",
)
COPY = Measure(
    ("rg.copy_ratio",),
    "copy ratio",
    "→ 1",
    "Distance of training records to synthetic ones, over that of unseen records. Near 0: training rows were copied.",
    1.0,
    plain="copies",
)
EPSILON = Measure(
    ("pg.epsilon",),
    "PG ε",
    "↓ lower",
    "Formal patient-level epsilon, the largest over silos. ∞: no formal guarantee.",
    say=epsilon,
    plain="guarantee",
)
ATTACK = Measure(
    ("membership.worst", "pg.worst_attack", "pg.attack_auc"),
    "PG attack",
    "→ 0.5",
    "Worst membership attack on the release and its weights, chosen on half of the patients and scored on the other (distance to the "
    "closest record alone where no other was asked for): how well training patients are told from unseen ones. 0.5: guessing.",
    0.5,
    unit="AUC",
    plain="attack",
)
FC = Measure(
    ("fc",),
    "FC",
    "→ 0",
    "Federated consistency: distance between the silos' released models, relative to their mean. 0: identical.",
    0.0,
    plain="silos agree",
)
CO = Measure(
    ("co",),
    "CO",
    "↓ lower",
    "Communication: bytes of all messages of both stages, counted once at the sender.",
    say=byte_size,
    plain="bytes sent",
)
TSTR = Measure(
    ("tstr", "tstr.r2", "survival"),
    "TSTR",
    "↑ higher",
    "Utility: a classifier trained on synthetic records, tested on real held-out patients.",
    higher=True,
    unit="AUROC",
    words={
        "tstr.r2": (
            "TSTR R²",
            "Utility: a regression of the label trained on synthetic records, tested on real held-out patients. 0: no better than their mean.",
            "R²",
        ),
        "survival": (
            "TSTR concordance",
            "Utility: a survival model trained on synthetic records, tested on real held-out patients. 0.5: guessing who has the event first.",
            "concordance",
        ),
    },
    plain="utility",
)
LOST = "TRTR minus TSTR: what is lost against training on real records."
GAP = Measure(
    ("tstr.gap", "tstr.r2.gap", "survival.gap"),
    "TSTR gap",
    "→ 0",
    LOST,
    unit="AUROC",
    words={"tstr.r2.gap": ("TSTR gap", LOST, "R²"), "survival.gap": ("TSTR gap", LOST, "concordance")},
    plain="utility lost",
)
DEARER = "Loss against centralized training, paired by seed. Positive: worse."
AMP = Measure(
    ("amp.gap.tstr", "amp.gap.tstr.r2", "amp.gap.survival", "amp.gap.rg"),
    "AMP gap",
    "→ 0",
    DEARER,
    unit="AUROC",
    words={"amp.gap.tstr.r2": ("AMP gap", DEARER, "R²"), "amp.gap.survival": ("AMP gap", DEARER, "concordance")},
    plain="lost to pooling",
)
RECOVERED = Measure(
    ("amp.recovered.tstr", "amp.recovered.tstr.r2", "amp.recovered.survival", "amp.recovered.rg"),
    "AMP recovered",
    "→ 1",
    "Share of the gap between local-only and centralized that federating recovers.",
    higher=True,
    plain="of pooling's gain",
)
LEADERBOARD = (RG, DG, SPREAD, COPY, EPSILON, ATTACK, FC, CO, TSTR, GAP, AMP, RECOVERED)
WORDS = {
    "ok": "ok",
    "not_applicable": "not applicable",
    "failed": "failed",
    "timeout": "timed out",
    "damaged": "damaged on disk",
    "skipped": "skipped",
    "planned": "not run yet",
    "absent": "not measured",
    "refused": "refused",
}
TONES: Mapping[str, Tone] = {"failed": "bad", "timeout": "bad", "damaged": "bad"}


def cell(found: Summary, say: Callable[[Any], str] = number, *, badge: str = "") -> Cell:
    """A summary as a table cell: mean, interval and how many seeds are behind it, or why there is nothing."""
    if found.mean is None:
        tone = TONES.get(found.status, "muted")
        return Cell(WORDS.get(found.status, found.status), tone=tone, why=found.reason)
    small = span(found.low, found.high, say)
    if found.seeds < found.of:
        small = f"{small}\n{found.seeds} of {plural(found.of, 'seed')}".strip()
    return Cell(say(found.mean), small, sort=found.mean, badge=badge)


def marked(head: Head, verdict: Verdict) -> Head:
    """The head with the sign of a calibration verdict after its label, and its words after the explanation."""
    return replace(head, label=head.label + verdict.sign, hint=f"{head.hint} Calibration: {verdict.text}.".strip())


def formal(method: Method) -> float | None:
    """The largest epsilon over silos and seeds; inf where something was not accounted or nothing asked for; None: none finished."""
    if not method.done:
        return None
    spent = [as_float((trial.record.get("privacy") or {}).get("epsilon")) for trial in method.done]
    return max((math.inf if each is None else each for each in spent), default=math.inf)


def holds(method: Method) -> str:
    """What is said beside a private method's epsilon: "simulated", "secure"; "" where none is claimed."""
    return next((said for trial in method.done if (said := words({"spec": trial.spec, **trial.record}))), "")


def heads(view: View, group: Group, measures: Sequence[Measure], first: str = "Method") -> list[Head]:
    """Table heads: the row's name, then the measures."""
    return [Head(first, numeric=False), *(measure.head(view, group) for measure in measures)]
