"""A mixture of Gaussians over the joint vector, by expectation-maximisation whose sums are all that travels (Dempster et al., 1977)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from annotated_types import Ge

from fpmg_bench.types import Charges, Representation, Update
from fpmg_plugins.generators import conditions
from fpmg_plugins.generators.columns import presence
from fpmg_plugins.generators.flow.velocity import Whitener
from fpmg_plugins.generators.mixture.components import FIRST, SECOND, SHARE, Components, reach, started
from fpmg_plugins.generators.statistics.gaussian_start import Start, statistics

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import Shard
    from fpmg_bench.types import Rng, SiloContext, Space, State


class GaussianMixture:
    """Components in coordinates where the exchanged Gaussian is white; a round is one step of EM over all silos.

    components: K, shared by the classes, each with its own share of them. rounds: of EM, whatever the suite's budget. prior:
    pseudo-patients that draw a component's covariance to the whole's. covariance: "full", each component's own, or "tied", one
    for all, of which no product of vectors travels; under privacy always tied. Sums of silos add up to those of all patients, so under `fedavg` (or any mean) on star and relay ring
    this is EM on the pooled patients; a modality that a record lacks is drawn from what its others make likely.
    """

    def __init__(
        self,
        components: Annotated[int, Ge(1)] = 16,
        rounds: Annotated[int, Ge(0)] = 30,
        prior: Annotated[float, Ge(0)] = 32.0,
        covariance: Literal["full", "tied"] = "full",
    ) -> None:
        self.components = components
        self.rounds: int | None = rounds
        self.prior = prior
        self.covariance = covariance

    def charges(self, schema: Space, steps: int) -> Charges:
        return Charges(counts=1 + (self.rounds or 0))

    def statistics(self, schema: Space, shard: Shard, ctx: SiloContext) -> State:
        return statistics(schema, shard)

    def init(self, schema: Space, stats: State, rng: Rng) -> State:
        start = Start.of(schema, stats)
        given, factor = start.block(schema, list(schema.blocks))
        full = self.covariance == "full" and "start/second" in stats  # of a private exchange no products come
        patients = stats["start/n"].float()
        prior = {"prior/given": given, "prior/factor": factor, "prior/patients": patients}
        return prior | started(self.components, start.shares, schema.width, rng, full)

    def train(self, state: State, shard: Shard, ctx: SiloContext) -> Update:
        white = Whitener.of(ctx.schema, state)
        rows = shard.prepared("complete", lambda held: completed(white, held))
        now = Components.of(state, self._share(state))
        classes = conditions.classes(ctx.schema)
        length = reach(ctx.schema.width)

        def sums(batch: Mapping[str, Tensor]) -> Tensor:
            """[n, K (classes + d)]: of norm at most sqrt(2), where vectors are clipped to the length of a usual one."""
            r = now.responsibilities(batch["u"], batch["label"])
            one = torch.nn.functional.one_hot(batch["label"], classes).double()
            u = batch["u"].double() / length
            u = u * (1 / u.norm(dim=1, keepdim=True).clamp(min=1e-9)).clamp(max=1.0) if shard.private else u
            return torch.cat([(r[:, :, None] * one[:, None]).flatten(1), (r[:, :, None] * u[:, None]).flatten(1)], dim=1)

        total = rows.counts(sums, clip=2**0.5) / shard.patients
        share, first = torch.split(total, [self.components * classes, self.components * ctx.schema.width])
        found = {SHARE: share.reshape(-1, classes).float(), FIRST: (first * length).reshape(self.components, -1).float()}
        if SECOND in state and not shard.private:
            found[SECOND] = self._second(rows, now).float()
        return Update(found, float(shard.patients))

    def sample(self, schema: Space, state: State, condition: Tensor, rng: Rng) -> Representation:
        n = len(condition)
        u = Components.of(state, self._share(state)).sample(condition[:, 0].long(), rng)
        everything = torch.ones(n, len(schema.blocks), dtype=torch.bool)
        z = Whitener.of(schema, state).back(u, condition)
        return Representation(z, everything, condition, torch.arange(n), schema)

    def _second(self, rows: Shard, now: Components) -> Tensor:
        """[K, d, d], component by component: all of a patient's products at once would outgrow the data."""
        roots: list[Tensor] = []

        def weighted(batch: Mapping[str, Tensor], k: int) -> Tensor:
            if not roots:  # every call is on the same rows
                roots.append(now.responsibilities(batch["u"], batch["label"]).sqrt())
            return roots[0][:, k, None] * batch["u"].double()

        return torch.stack([rows.moments(partial(weighted, k=k), clip=1.0).second for k in range(self.components)])

    def _share(self, state: State) -> float:
        """The prior's pseudo-patients as a share of all patients."""
        return self.prior / max(float(state["prior/patients"]), 1.0)


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
