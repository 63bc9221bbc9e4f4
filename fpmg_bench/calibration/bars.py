"""What every control must do to which score: the bars of EVALUATION.md ("Controls") and of the metrics' conformance, in one table.

Whatever is not declared here is reported as a dose-response without a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

from fpmg_bench.calibration.noise import Null
from fpmg_bench.calibration.response import POWER, Response


class Expectation(Protocol):
    """judge: True met, False not met, None: not measured. said: what was found, in words."""

    @property
    def text(self) -> str: ...
    def judge(self, response: Response) -> bool | None: ...
    def said(self, response: Response) -> str: ...


@dataclass(frozen=True, slots=True)
class Within:
    """The mean over seeds at full strength lies in [low, high]."""

    low: float = -math.inf
    high: float = math.inf

    @property
    def text(self) -> str:
        if self.high == math.inf:
            return f"at least {self.low:g}"
        return f"at most {self.high:g}" if self.low == -math.inf else f"in [{self.low:g}, {self.high:g}]"

    def judge(self, response: Response) -> bool | None:
        return self.low <= response.mean <= self.high if response.full else None

    def said(self, response: Response) -> str:
        return f"{response.mean:.3g}"


@dataclass(frozen=True, slots=True)
class Stays:
    """The mean over seeds at full strength stays within the interval of real patients, or of the oracle."""

    text: str = "stays within the real floor's interval"

    def judge(self, response: Response) -> bool | None:
        nulls = [null for null in (response.null, response.floor) if null is not None]
        if not nulls or not response.full:
            return None
        return any(null.low - _slack(null) <= response.mean <= null.high + _slack(null) for null in nulls)

    def said(self, response: Response) -> str:
        null = response.floor or response.null
        assert null is not None
        return f"{response.mean:.3g}, interval [{null.low:.3g}, {null.high:.3g}]"


def _slack(null: Null) -> float:
    """For rounding: floors of equal seeds may have no spread at all."""
    return 1e-9 + abs(null.mean) * 1e-6


@dataclass(frozen=True, slots=True)
class Worsens:
    """At full strength worse beyond that interval in at least 80 % of the seeds, and never better by more than noise on the way."""

    text: str = "worse beyond the real floor's interval, monotone in strength"

    def judge(self, response: Response) -> bool | None:
        if response.power is None:
            return None
        return response.power >= POWER and response.monotone is not False

    def said(self, response: Response) -> str:
        assert response.null is not None and response.power is not None
        path = " -> ".join(f"{mean:.3g}" for _, mean in response.means)
        turn = ", not monotone" if response.monotone is False else ""
        return f"power {response.power:.2g} ({path}; interval [{response.null.low:.3g}, {response.null.high:.3g}]){turn}"


@dataclass(frozen=True, slots=True)
class Bar:
    """scores: globs over "key" or "key@modality". held_out, members, minority: patients (records of the smallest
    class) that the cohort must have for the bar to be about the score."""

    control: str
    scores: tuple[str, ...]
    expected: Expectation
    source: str = "EVALUATION.md, Controls"
    held_out: int = 0
    members: int = 0
    minority: int = 0

    def covers(self, response: Response) -> bool:
        """Whether this bar is about the response."""
        if isinstance(self.expected, Worsens) and response.n < POWER_FROM:
            return False
        needed = ((response.held_out, self.held_out), (response.members, self.members), (response.minority, self.minority))
        if response.control != self.control or any(there < least for there, least in needed):
            return False
        return any(fnmatchcase(response.score, glob) for glob in self.scores)


LATENT = ("latent.energy", "latent.c2st", "latent.coverage")
BEHIND = "issue H: controls behind encoders stand for generators"
POWER_FROM = 300  # patients: below, cohorts are never tuned either (EVALUATION.md, Splits); power is reported, without a verdict
CONFORMANCE = "issue C: noise worse, monotone under corruption"
ATTACKS = ("pg.attack_auc", "pg.worst_attack", "pg.attack_own")
MEMBERSHIP = (
    "membership.worst",
    "membership.records",
    "membership.own",
    "membership.distance",
    "membership.domias",
    "density-ratio",
)
TRACED = (
    "membership.trace.records",
    "membership.queries",
)  # many patients share few averages: on large cohorts they say less than distance
INFERENCE = ("inference.attribute", "inference.singling_out", "inference.linkability")
CAUGHT = "issue D: each attack catches the leaky control"
BLURRED = "card of membership: kernels blur single copies away"
PEER = "SIGHT.md, rule 8: the strongest attacker that we can write"
SIGHT = "SIGHT.md, rules 5 and 6"
SCORED_CLASS = 60  # of T, so that R1 and R2 have at least the 10 records that a class needs to be scored at all
BARS: tuple[Bar, ...] = (
    Bar("copy", ATTACKS, Within(0.95)),
    Bar("copy", (*MEMBERSHIP, "membership.minority"), Within(0.95), CAUGHT),
    Bar("copy", ("membership.distance@*", "membership.advantage"), Worsens(), CONFORMANCE),
    Bar("copy", ("membership.kernel",), Worsens(), BLURRED),
    Bar("copy", (*TRACED, "membership.vulnerable"), Worsens(), PEER),
    Bar("copy", ("inference.attribute.outliers",), Worsens(), PEER),
    Bar("encoded copy", ("membership.trace.vectors",), Worsens(), PEER),
    Bar("copy", (*INFERENCE, "inference.attribute.worst", "inference.attribute.gain"), Worsens(), CAUGHT),
    Bar("copy", ("inference.singling_out.column",), Worsens(), CAUGHT, members=1_000),  # small tables have few values of their own
    Bar("copy", ("proxies.share",), Within(0.95)),
    Bar("copy", ("proxies.dcr",), Within(high=0.05)),
    Bar("copy", ("rg.copy_ratio",), Within(high=0.05)),
    Bar("copy", ("rg", "dg"), Stays()),
    Bar("copy", ("pg.advantage", "support.authenticity"), Worsens(), CONFORMANCE),
    Bar("collapse", ("dg", "dg.phi"), Within(1.3)),
    Bar("collapse", ("dg.spread",), Within(high=0.2)),
    Bar("collapse", ("prdc.recall", "prdc.coverage", "support.beta_recall", "mmd", "c2st"), Worsens(), CONFORMANCE),
    Bar("half-spread", ("dg.spread",), Within(0.4, 0.6)),
    Bar("drop-minority", ("dg.worst_class",), Within(1.3), minority=SCORED_CLASS),
    Bar("oracle", ("rg", "dg", "dg.spread"), Within(0.95, 1.05), held_out=2_000),
    Bar("oracle", ATTACKS, Within(0.47, 0.53), members=1_000),
    Bar("oracle", (*MEMBERSHIP, "membership.kernel", "membership.distance@*"), Within(0.47, 0.53), members=1_000),
    Bar("oracle", TRACED, Within(0.47, 0.53), PEER, members=1_000),
    Bar("encoded oracle", ("membership.trace.vectors", "membership.trace.encoded"), Within(0.47, 0.53), PEER, members=1_000),
    Bar("oracle", (*INFERENCE, "inference.singling_out.column"), Within(-0.05, 0.05), "issue D: and not fresh data", members=1_000),
    Bar("oracle", ("proxies.share",), Within(0.47, 0.53), members=1_000),
    Bar(
        "shuffle-pairing",
        ("association", "association.within_label", "association.cca", "association.retrieval", "association.coherence"),
        Worsens(),
    ),
    Bar("shuffle-pairing", ("rg@*", "c2st@*", "sdmetrics-quality*@*"), Stays()),
    Bar("bootstrap-noise", ("rg", "prdc.precision", "prdc.coverage", "mmd", "c2st", "sdmetrics-quality.shapes@*"), Worsens(), CONFORMANCE),
    Bar("uniform", ("rg", "prdc.precision", "prdc.coverage", "support.alpha_precision", "mmd", "c2st", "sdmetrics-quality@*"), Worsens(), CONFORMANCE),
    Bar("independent-columns", ("sdmetrics-quality.trends@*", "c2st"), Worsens(), CONFORMANCE),
    Bar("independent-columns", ("sdmetrics-quality.shapes@*",), Stays(), "the margins are kept"),
    Bar("label-swap", ("balance",), Worsens(), CONFORMANCE),
    Bar("label-swap", ("asked-read",), Worsens(), CONFORMANCE),
    Bar("label-swap", ("augmentation", "fairness"), Worsens(), CONFORMANCE),
    Bar("uniform", ("frozen-space", "frozen-space@*", "frozen-space.dg"), Worsens(), CONFORMANCE),
    Bar("independent-columns", ("frozen-space", "frozen-space@*"), Worsens(), CONFORMANCE),
    Bar("drop-minority", ("balance.minority",), Worsens(), minority=SCORED_CLASS),
    Bar("encoded collapse", (*LATENT, "latent.energy@*", "c2st.generator"), Worsens(), BEHIND),
    Bar("encoded uniform", (*LATENT, "c2st.generator"), Worsens(), BEHIND),
    Bar("encoded bootstrap-noise", ("latent.energy", "latent.c2st"), Worsens(), BEHIND),
    Bar("encoded independent-columns", ("latent.c2st", "latent.energy.within_label", "c2st.generator"), Worsens(), BEHIND),
    Bar("encoded label-swap", ("latent.energy.within_label",), Worsens(), BEHIND),
    Bar("encoded shuffle-pairing", ("latent.energy.within_label",), Worsens(), BEHIND),
    Bar("encoded shuffle-pairing", ("latent.energy@*",), Stays(), BEHIND),
    Bar("encoded oracle", ("latent.energy", "latent.energy.within_label"), Within(-0.01, 0.01), BEHIND, held_out=2_000),
    Bar("encoded oracle", ("latent.c2st", "c2st.generator"), Within(0.45, 0.55), BEHIND, held_out=2_000),
    Bar("copy", ("spectra.distance@*", "legibility@*", "missingness", "missingness.joint@*", "step-change.off@*"), Stays(), SIGHT),
    Bar("grey-noise", ("spectra.distance@*", "spectra.high@*", "spectra.coherence@*"), Worsens(), SIGHT),
    Bar("grey-noise", ("legibility@*", "missingness", "step-change.off@*"), Stays(), SIGHT),
    Bar("blur", ("spectra.distance@*", "spectra.middle@*", "spectra.high@*"), Worsens(), SIGHT),
    Bar("question-marks", ("legibility@*", "legibility.characters@*"), Worsens(), SIGHT),
    Bar("question-marks", ("spectra.distance@*", "missingness"), Stays(), SIGHT),
    Bar("shuffled-words", ("legibility@*",), Worsens(), SIGHT),
    Bar("shuffled-words", ("legibility.alphabet@*", "legibility.characters@*", "spectra.distance@*", "missingness"), Stays(), SIGHT),
    Bar("rare-pairs", ("possible", "possible.pairs"), Worsens(), SIGHT),
    Bar("rare-pairs", ("sdmetrics-quality.shapes@*", "spectra.distance@*", "legibility@*"), Stays(), SIGHT),
    Bar("independent-gaps", ("missingness", "missingness.joint@*"), Worsens(), SIGHT),
    Bar("independent-gaps", ("missingness.rates@*", "spectra.distance@*", "legibility@*"), Stays(), SIGHT),
    Bar("shuffle-pairing", ("spectra.distance@*", "legibility@*", "missingness.rates@*", "step-change.off@*"), Stays(), SIGHT),
    Bar("uniform", ("spectra.distance@*", "legibility@*", "possible", "step-change.off@*"), Worsens(), CONFORMANCE),
    Bar("bootstrap-noise", ("spectra.distance@*", "spectra.coherence@*", "legibility@*", "step-change.off@*"), Worsens(), CONFORMANCE),
    Bar("independent-columns", ("spectra.distance@*",), Worsens(), CONFORMANCE),
    Bar("collapse", ("spectra.distance@*", "legibility.distinct@*", "step-change.off@*"), Worsens(), CONFORMANCE),
    Bar("half-spread", ("spectra.distance@*", "step-change.off@*"), Worsens(), CONFORMANCE),
    Bar("label-swap", ("tstr", "tstr.gap", "tstr.auprc", "tstr.balanced_accuracy", "tstr.logistic", "tstr.trees", "tstr.trts"), Worsens(), CONFORMANCE),
    Bar("label-swap", ("tstr.r2", "tstr.r2.gap", "tstr.r2.ridge", "tstr.r2.trees", "tstr.r2.trts", "tstr.mae", "augmentation.r2"), Worsens(), CONFORMANCE),
    Bar("label-swap", ("survival", "survival.gap", "survival.cox", "survival.forest", "survival.trts"), Worsens(), CONFORMANCE),
)  # fmt: skip

# Scores that count or account instead of estimating: no control in data space reaches them, and other checks hold for them.
EXACT: dict[str, str] = {
    "pg.epsilon": "exact accounting, recomputed by `fpmg-bench audit`",
    "co": "metered bytes, checked against closed forms every round",
    "co.*": "metered bytes, checked against closed forms every round",
    "fc": "computed on released weights; plumbing checks hold for it",
    "*.floor": "the reference itself, real against real",
    "inference.*.naive": "the reference itself: who guesses the usual value, or at random",
    "tstr.trtr": "the reference itself, real against real",
    "tstr.folds": "training patients alone, out of fold",
    "tstr.r2.trtr": "the reference itself, real against real",
    "tstr.r2.folds": "training patients alone, out of fold",
    "survival.trtr": "the reference itself, real against real",
    "survival.folds": "training patients alone, out of fold",
    "fc.*": "computed on released weights; plumbing checks hold for it",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One bar on one response. met None: not measured."""

    bar: Bar
    response: Response
    met: bool | None

    @property
    def found(self) -> str:
        """In words."""
        return self.response.reason or "no null interval" if self.met is None else self.bar.expected.said(self.response)


def judge(responses: Iterable[Response], bars: Iterable[Bar] = BARS) -> list[Outcome]:
    """Every bar on every response that it covers."""
    table = tuple(bars)
    return [Outcome(bar, r, bar.expected.judge(r)) for r in responses for bar in table if bar.covers(r)]
