"""Principal components from one exchange of moments: no training, the same basis at every silo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge

from fpmg_bench.errors import IncompatibleTrial, PluginError
from fpmg_bench.types import Charges, Update
from fpmg_plugins.encoders import dither, streams
from fpmg_plugins.encoders.pca import scored, spectrum, views
from fpmg_plugins.encoders.picture import copies, pixels

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import TypeIs

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import ModalityData, Rng, Schema, SiloContext, State
    from fpmg_plugins.encoders.pca.views import View

STREAM = 1024
PICTURES = ("image", "video")


class Pca:
    """Whitened principal components (Pearson, 1901) of standardised columns; what is missing counts as its column's mean.

    Numbers and masks enter the moments together, so that mean imputation and scaling follow exactly from one exchange.
    scores: a table's numbers are normal scores by one more count, and what its vectors leave out is filled in as columns have it (see
    `scored`): columns and pairs of them are kept better, and so they are for a generator that knows no more than these sums.
    Pixels are reduced to at most side x side and series to groups of steps before moments are taken, since d x d of them travel.
    Under privacy the moments are noisy: poor where patients are not many more than columns. augment: components of moved copies
    of pictures too, by shifts and, with mirror, mirror images (a basis holds either; false where a mirrored picture means another
    thing), so that patients who were trained on come back hardly better than others; no byte and no charge more.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"table", "series", "image", "video"})
    rounds: int | None = 0

    def __init__(
        self,
        dim: Annotated[int, Ge(1)] = 16,
        side: Literal[8, 16, 32] = 16,
        augment: bool = False,
        mirror: bool = True,
        scores: bool = False,
    ) -> None:
        self.dim = dim
        self.side = side
        self.augment = augment
        self.mirror = mirror
        self.scores = scores

    def charges(self, schema: Schema, steps: int) -> Charges:
        if self.augment and schema.kind not in PICTURES:
            raise IncompatibleTrial(f"pca: a {schema.kind} has no moved copies", "leave `augment` out for this modality")
        counted = self.scores and schema.kind == "table" and any(c.type == "number" for c in schema.columns)
        return Charges(moments=1, counts=int(counted))

    def statistics(self, schema: Schema, shard: Shard, ctx: SiloContext) -> State:
        """n [1], sum of rows [d], upper triangle of the sum of outer products [d (d + 1) / 2]; float64.

        With `scores`, of tables also histograms of numbers, and under privacy the variances [2] of the noise in an entry of either sum.
        """
        view = self._view(schema)
        clip = view.longest
        found = shard.moments(lambda data: views.tensor(view.rows(data)), clip)
        upper = torch.triu_indices(len(found.mean), len(found.mean))
        sums = {
            "moments/n": torch.tensor([found.n], dtype=torch.float64),
            "moments/sum": found.n * found.mean,
            "moments/outer": found.n * found.second[upper[0], upper[1]],
        }
        if not self._scored(view):
            return sums
        if shard.private:  # a row and its products share one access
            sums["moments/noise"] = 2 * shard.noise**2 * torch.tensor([clip**2, clip**4], dtype=torch.float64)
        return sums | scored.counts(view, shard)

    def init(self, schema: Schema, stats: State, rng: Rng) -> State:
        view = self._view(schema)
        mean, second = moments(stats)
        if self._scored(view):
            return scored.components(view, mean, second, stats, self.dim)
        if self.augment and isinstance(view, views.PixelView):
            mean, second = copies.of_copies(mean, second, view.side, self.mirror)
        return components(view, mean, second, self.dim)

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        raise PluginError("pca is not trained: its `rounds` are 0")

    def encode(self, schema: Schema, state: State, data: Any) -> Tensor:
        view = self._view(schema)
        parts = [torch.zeros(0, self.dim)]
        for start in range(0, len(data), STREAM):
            chunk = data.take(np.arange(start, min(start + STREAM, len(data))))
            rows = scored.rows(view, state, chunk) if self._scored(view) else view.rows(chunk)
            parts.append((views.tensor(rows) @ state["frozen/project"] - state["frozen/offset"]).float())
        return torch.cat(parts)

    def decode(self, schema: Schema, state: State, z: Tensor) -> ModalityData:
        view = self._view(schema)
        if isinstance(view, views.PixelView):
            return pixels.decoded(schema, len(z), lambda rows: view.picture(_raw(state, z[rows]).numpy()))
        if self._scored(view):
            return streams.decoded(z, lambda chunk: scored.records(view, schema, state, chunk), STREAM)
        return streams.decoded(z, lambda chunk: _records(view, state, chunk), STREAM)

    def _scored(self, view: View) -> TypeIs[views.TableView]:
        return self.scores and isinstance(view, views.TableView)

    def _view(self, schema: Schema) -> View:
        return views.PixelView(schema, self.side) if schema.kind in PICTURES else views.view(schema)


def _raw(state: State, z: Tensor) -> Tensor:
    """Rows of the view, before numbers get their mean back."""
    raw: Tensor = (state["frozen/centre"] + z.double() @ state["frozen/lift"]) / state["frozen/scale"]
    return raw


def _records(view: View, state: State, z: Tensor) -> ModalityData:
    raw, k = _raw(state, z), view.k
    values = (raw[:, :k] + state["frozen/mean"]).clamp(0, 1)
    seen = dither.seen(raw[:, k : 2 * k], dither.phase(z))
    return view.back(values.numpy(), seen.numpy(), raw[:, 2 * k :].numpy())


def moments(stats: State) -> tuple[Tensor, Tensor]:
    """Mean [d] and second moment about zero [d, d] of the summed statistics."""
    n = stats["moments/n"].clamp(min=1.0)
    mean = stats["moments/sum"] / n
    return mean, symmetric(stats["moments/outer"] / n, len(mean))


def components(view: View, mean: Tensor, second: Tensor, dim: int) -> State:
    """The state: z = rows @ project - offset, and back: features = centre + z @ lift, rows = features / scale."""
    imputed, average = _imputation(view, mean)
    scale = _scale(view, imputed @ second @ imputed.T, imputed @ mean)
    to_features = scale[:, None] * imputed
    centre = to_features @ mean
    covariance = to_features @ second @ to_features.T - centre[:, None] * centre
    size, basis = spectrum.principal(covariance, dim)
    project = to_features.T @ (basis * torch.where(size > 0, 1 / size.clamp(min=1e-300), 0.0))
    return {
        "frozen/project": project,
        "frozen/offset": mean @ project,
        "frozen/centre": centre,
        "frozen/lift": (basis * size).T.contiguous(),
        "frozen/scale": scale,
        "frozen/mean": average,
    }


def _imputation(view: View, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Matrix that takes (x m, m) to ((x - mu) m, m), and mu [k], the mean of x where seen."""
    k = view.k
    average = (mean[:k] / mean[k : 2 * k].clamp(min=1e-9)).clamp(0, 1)
    matrix = torch.eye(len(mean), dtype=torch.float64)
    matrix[torch.arange(k), k + torch.arange(k)] = -average
    return matrix, average


def _scale(view: View, second: Tensor, mean: Tensor) -> Tensor:
    """Numbers to variance 1 where seen, masks as the view says; a constant column stays as it is.

    Levels are divided by the root of their frequency (as in multiple correspondence analysis), other blocks get total variance 1.
    """
    k = view.k
    variance = (second.diagonal() - mean.square()).clamp(min=0.0)
    seen = mean[k : 2 * k].clamp(min=1e-9)
    table = isinstance(view, views.TableView)
    rest = mean[2 * k :].clamp(min=scored.RARE) if table else _totals(variance[2 * k :], view.blocks)
    wanted = torch.cat([second.diagonal()[:k] / seen, rest])
    unit = torch.where(wanted > 1e-12, wanted.clamp(min=1e-12).rsqrt(), 1.0)
    return torch.cat([unit[:k], torch.full((k,), view.gaps, dtype=torch.float64), unit[k:]])


def _totals(variance: Tensor, blocks: tuple[int, ...]) -> Tensor:
    return torch.cat([block.sum().expand(len(block)) for block in torch.split(variance, list(blocks))])


def symmetric(upper: Tensor, d: int) -> Tensor:
    """The matrix [d, d] with this upper triangle, row by row."""
    at = torch.triu_indices(d, d)
    full = torch.zeros(d, d, dtype=torch.float64)
    full[at[0], at[1]] = upper
    return full + torch.triu(full, 1).T
