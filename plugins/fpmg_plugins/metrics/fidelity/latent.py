"""Latent scores: what a generator draws, compared with encoded patients where it works, before any decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import OWN_SPACE, Scale, Score
from fpmg_plugins.metrics import vector_space
from fpmg_plugins.metrics.fidelity.c2st import LOPEZ_PAZ, separable
from fpmg_plugins.metrics.fidelity.prdc import NAEEM, prdc
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.vector_space import Vectors, energy, matched

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

SZEKELY = "Szekely and Rizzo 2013, doi:10.1016/j.jspi.2013.03.018"
EACH_CLASS = 10  # patients a class must have on both sides to be compared within


class Latent:
    """The vectors V that a silo's generator drew, before decoding, against held-out patients H as the same silo's encoders see them.

    `latent.energy` = 2 E|v - h| - E|v - v'| - E|h - h'|, unbiased (pairs of different patients only; so it may be a little below
    0); range (-inf, inf), ideal 0, lower is better; of all blocks and of each modality's own. `latent.energy.within_label`: the
    mean of the same within each class of at least 10 on both sides, by its share. `latent.c2st`: AUROC of a small network that
    tells V from H, out of fold by patient; [0, 1], ideal .5, lower is better. `latent.coverage`: share of H's k-nearest-neighbour
    balls that hold a drawn vector; [0, 1], higher is better.
    Coordinates: each modality's block is centred on H and divided by H's mean pairwise distance in it, so that all count alike;
    then all by H's mean distance in the whole, so that an energy of 1 is the mean distance of two patients. Labels: as many drawn
    vectors of a class as there are held-out records of it (the smaller number of the two, chosen by the metric's own stream), so
    that a label mixture of T that differs from H's plays no part. Modalities: those that the release and H have; records that have
    all of these, the others are left out.
    Floor: the training patients, encoded, in the place of V; an encoder that overfits shows there. At most `rows` of each.
    Needs 50 records of each. Not applicable without a generator; a control behind encoders has its encoded records for V.
    Pitfalls: comparable only among methods with the same encoders (the same stage 1), so never between rows of different
    encoders; an encoder that says nothing of a patient is easily matched: read `reconstruction` beside it. Few patients leave
    noise of about 1 / n in the energy.
    """

    family: ClassVar[str] = "fidelity"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "latent.energy": Scale(0.0, False, unit="mean distances", source=f"{SZEKELY}; {OWN_SPACE}"),
        "latent.energy.within_label": Scale(0.0, False, unit="mean distances", source=f"{SZEKELY}; {OWN_SPACE}"),
        "latent.c2st": Scale(0.5, False, low=0.0, high=1.0, unit="AUROC", source=f"{LOPEZ_PAZ}; {OWN_SPACE}"),
        "latent.coverage": Scale(1.0, True, low=0.0, high=1.0, unit="share", source=f"{NAEEM}; {OWN_SPACE}"),
    }

    def __init__(
        self, k: Annotated[int, Ge(1)] = 5, folds: Annotated[int, Ge(2)] = 4, rows: Annotated[int, Ge(50)] = 2000
    ) -> None:
        self.k = k
        self.folds = folds
        self.rows = rows

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """All scores of every release, each in the vectors of its own silo's encoders."""
        if not evidence.released:
            raise NotApplicable("nothing was released")
        seed = fresh_seed(rng)
        silo_of = {id(release): silo for silo, release in reversed(list(evidence.released.items()))}
        evidence.drawn(next(iter(evidence.released)))  # says once why there is nothing to compare
        return evidence.each_release(partial(self._scores, evidence, silo_of, seed))

    def _scores(self, evidence: Evidence, silo_of: Mapping[int, int], seed: int, release: Cohort) -> list[Score]:
        silo = silo_of[id(release)]
        real, drawn = (
            Vectors.of(evidence, evidence.held_out, evidence.latent(evidence.held_out, silo)),
            replace(Vectors.of(evidence, release, evidence.drawn(silo)), patient=-1 - np.arange(len(release))),
        )
        training = Vectors.of(evidence, evidence.train, evidence.latent(evidence.train, silo))
        names = [name for name in evidence.widths if drawn.present[name].any() and real.present[name].any()]
        parts: list[tuple[str | None, list[str]]] = [(None, names), *((name, [name]) for name in names if len(names) > 1)]
        scores: list[Score] = []
        for modality, part in parts:
            try:
                found = self._compared(real, drawn, training, part, seed, brief=modality is not None)
            except NotApplicable as missing:
                reason = missing.reason
                evidence.not_applicable("latent.energy", reason, modality=modality)
                continue
            scores += [replace(score, modality=modality) for score in found]
        if not scores:
            raise NotApplicable(reason)
        return scores

    def _compared(
        self, real: Vectors, drawn: Vectors, training: Vectors, names: Sequence[str], seed: int, *, brief: bool = False
    ) -> list[Score]:
        """Scores of the drawn vectors, with those of the training patients as floors where enough of them have these modalities."""
        held = real.complete(names)
        frame = vector_space.Frame.of(held, names)
        found = self._pair(frame, held, drawn.complete(names), seed, brief=brief)
        try:
            floor = {s.key: s.value for s in self._pair(frame, held, training.complete(names), seed, brief=brief)}
        except NotApplicable:
            floor = {}
        return [replace(score, floor=floor.get(score.key)) for score in found]

    def _pair(self, frame: vector_space.Frame, real: Vectors, made: Vectors, seed: int, *, brief: bool) -> list[Score]:
        rng = np.random.default_rng(seed)
        real, made = matched(real, made, self.rows, rng)
        x, y = frame(real), frame(made)
        n = len(x)
        scores = [Score("latent.energy", energy(x, y, real.patient, made.patient), n=n)]
        if brief:
            return scores
        within = [
            (int(here.sum()), energy(x[here], y[made.label == c], real.patient[here], made.patient[made.label == c]))
            for c in np.unique(real.label)
            if (here := real.label == c).sum() >= EACH_CLASS
        ]
        if within:
            counts, values = (np.array(part, np.float64) for part in zip(*within, strict=True))
            scores.append(Score("latent.energy.within_label", float(values @ counts / counts.sum()), n=int(counts.sum())))
        both, is_made = np.concatenate([x, y]), np.arange(2 * n) >= n
        group = np.concatenate([real.patient, made.patient])
        scores.append(Score("latent.c2st", separable("network", both, is_made, group, self.folds, rng), n=n))
        return [*scores, Score("latent.coverage", prdc(x, y, self.k)["coverage"], n=n)]
