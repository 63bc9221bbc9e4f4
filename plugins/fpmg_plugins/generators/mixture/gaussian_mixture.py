"""A mixture of Gaussians over the joint vector, by expectation-maximisation whose sums are all that travels (Dempster et al., 1977)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from annotated_types import Ge

from fpmg_bench.devices import drawn
from fpmg_bench.types import Charges, Representation, Update
from fpmg_plugins.generators import conditions, patterns
from fpmg_plugins.generators.columns import presence
from fpmg_plugins.generators.flow.velocity import Whitener
from fpmg_plugins.generators.mixture import pursuit
from fpmg_plugins.generators.mixture.components import FIRST, SECOND, SHARE, Components, reach, started
from fpmg_plugins.generators.statistics.gaussian_start import Start, statistics

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Rng, SiloContext, Space, State


class GaussianMixture:
    """Components in coordinates where the exchanged Gaussian is white; a round is one step over all silos.

    components: K, shared by the classes, each with its own share of them. directions: of white vectors in which components differ,
    0 for all; elsewhere they are the exchanged Gaussian. rounds: whatever the suite's budget, the first `pursuit` of them look for
    these directions, the others are of EM. prior: pseudo-patients that draw a component's covariance to the whole's. covariance:
    "full", each component's own, or "tied", one for all, of which no product of vectors travels; under privacy always tied.
    Sums of silos add up to those of all patients, so under `fedavg` (or any mean) on star and relay ring this is EM on the pooled
    patients; a modality that a record lacks is drawn from what its others make likely. Under privacy every round is charged as
    counts, those of the pursuit too: directions: 0 spends all of them on EM.
    """

    def __init__(
        self,
        components: Annotated[int, Ge(1)] = 16,
        directions: Annotated[int, Ge(0)] = 40,
        rounds: Annotated[int, Ge(0)] = 45,
        pursuit: Annotated[int, Ge(0)] = 15,
        prior: Annotated[float, Ge(0)] = 32.0,
        covariance: Literal["full", "tied"] = "full",
    ) -> None:
        self.components = components
        self.directions = directions
        self.rounds: int | None = rounds
        self.pursuit = pursuit
        self.prior = prior
        self.covariance = covariance

    def charges(self, schema: Space, steps: int) -> Charges:
        return Charges(counts=1 + (self.rounds or 0))

    def begins(self, schema: Space) -> int:
        """The pursuit moves no component."""
        return self.pursuit if self._pursued(schema) else 0

    def statistics(self, schema: Space, shard: Shard, ctx: SiloContext) -> State:
        return statistics(schema, shard, ctx)

    def init(self, schema: Space, stats: State, rng: Rng) -> State:
        start = Start.of(schema, stats)
        given, factor = start.block(schema, list(schema.blocks))
        full = self.covariance == "full" and "start/second" in stats  # of a private exchange no products come
        patients = stats["start/n"].float()
        prior = {"prior/given": given, "prior/factor": factor, "prior/patients": patients}
        p = schema.width
        sought: State = {}
        if self._pursued(schema):
            p, sought = self.directions, pursuit.begun(schema.width, self.directions, rng)
        return prior | start.patterns | sought | started(self.components, start.shares, p, rng, full)

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        white = Whitener.of(ctx.schema, state)
        rows = shard.prepared("complete", lambda held: completed(white, held))
        if self._pursued(ctx.schema) and ctx.round < self.pursuit:
            return Update({pursuit.FOUND: self._sought(rows, state)}, float(shard.patients))
        w = self._axes(ctx.schema, state)
        now = Components.of(state, self._share(state))
        classes, p = conditions.classes(ctx.schema), w.shape[1]
        length = reach(p)

        def sums(batch: Mapping[str, Tensor]) -> Tensor:
            """[n, K (classes + p)]: of norm at most sqrt(2), where vectors are clipped to the length of a usual one."""
            t = batch["u"].double() @ w
            r = now.responsibilities(t, batch["label"])
            one = torch.nn.functional.one_hot(batch["label"], classes).double()
            t = (_clipped(t, length) if shard.private else t) / length
            return torch.cat([(r[:, :, None] * one[:, None]).flatten(1), (r[:, :, None] * t[:, None]).flatten(1)], dim=1)

        total = rows.counts(sums, clip=2**0.5) / shard.patients
        share, first = torch.split(total, [self.components * classes, self.components * p])
        found = {SHARE: share.reshape(-1, classes).float(), FIRST: (first * length).reshape(self.components, -1).float()}
        if SECOND in state and not shard.private:
            found[SECOND] = self._second(rows, now, w).float()
        return Update(found, float(shard.patients))

    def sample(self, schema: Space, state: State, condition: Tensor, rng: Rng) -> Representation:
        n, w = len(condition), self._axes(schema, state)
        t = Components.of(state, self._share(state)).sample(condition[:, 0].long(), rng).double()
        u = t @ w.T + pursuit.beside(w, drawn((n, schema.width), rng, t))
        z = Whitener.of(schema, state).back(u.float(), condition)
        return Representation(z, patterns.drawn(schema, state, condition, rng), condition, torch.arange(n), schema)

    def _pursued(self, schema: Space) -> bool:
        return 0 < self.directions < schema.width

    def _axes(self, schema: Space, state: State) -> Tensor:
        """W [d, p]: where components differ."""
        return pursuit.axes(state) if self._pursued(schema) else torch.eye(schema.width, dtype=torch.float64)

    def _sought(self, rows: Shard, state: State) -> Tensor:
        """[d, p] a silo's mean step."""
        w = pursuit.axes(state)
        length = reach(len(w))

        def steps(batch: Mapping[str, Tensor]) -> Tensor:
            u = batch["u"].double()
            return pursuit.step(_clipped(u, length) if rows.private else u, w)

        total = rows.counts(steps, clip=(length + 1) * w.shape[1] ** 0.5) / rows.patients
        return total.reshape(w.shape).float()

    def _second(self, rows: Shard, now: Components, w: Tensor) -> Tensor:
        """[K, p, p], component by component: all of a patient's products at once would outgrow the data."""
        seen: list[tuple[Tensor, Tensor]] = []

        def weighted(batch: Mapping[str, Tensor], k: int) -> Tensor:
            if not seen:  # every call is on the same rows
                t = batch["u"].double() @ w
                seen.append((t, now.responsibilities(t, batch["label"]).sqrt()))
            t, roots = seen[0]
            return roots[:, k, None] * t

        return torch.stack([rows.moments(partial(weighted, k=k), clip=1.0).second for k in range(self.components)])

    def _share(self, state: State) -> float:
        """The prior's pseudo-patients as a share of all patients."""
        return self.prior / max(float(state["prior/patients"]), 1.0)


def _clipped(x: Tensor, length: float) -> Tensor:
    """Rows no longer than this."""
    found: Tensor = x * (length / x.norm(dim=1, keepdim=True).clamp(min=1e-9)).clamp(max=1.0)
    return found


def completed(white: Whitener, rows: Representation) -> dict[str, Tensor]:
    """White vectors of complete records: what is absent is drawn given what is there, under the exchanged Gaussian."""
    seen = white.rows(rows)
    u = seen["u"].clone()
    rng = torch.Generator().manual_seed(0)  # the same draw in every round: the sums are then one function of the patients
    for pattern in torch.unique(rows.present, dim=0):
        at, mine = presence(rows.space, pattern[None])[0].bool(), (rows.present == pattern).all(1)
        if not bool(at.all()):
            basis = torch.linalg.qr(white.factor[at].double().T).Q if bool(at.any()) else torch.zeros(len(at), 0).double()
            noise = torch.randn(int(mine.sum()), len(at), generator=rng, dtype=torch.float64)
            u[mine] += (noise - noise @ basis @ basis.T).float()
    return {"u": u, "label": seen["label"]}
