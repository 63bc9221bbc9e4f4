"""What surrounds the stages of one trial: its silos, ledgers, transport and sink, and every silo's shard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.faults import Faults, schedule
from fpmg_bench.privacy import Draws, LocalShard, Secrets
from fpmg_bench.trial import account, vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.federation import Federated
    from fpmg_bench.privacy import Ledger
    from fpmg_bench.privacy.shard import Observer
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.transport import Transport
    from fpmg_bench.trial.audited import Audited
    from fpmg_bench.trial.parts import Parts, Sink
    from fpmg_bench.trial.silos import Silo
    from fpmg_bench.trial.sizes import Sizes
    from fpmg_bench.types import Cohort, Space


Watch = Callable[[dict[str, Any], "Federated"], None]


@dataclass(slots=True)
class Surroundings:
    """The surroundings of both stages of one trial.

    silos, train: those of this process and their patients. statistics: stage -> bytes, messages and hops of its exchange of sums;
    conditions: noisy counts [K, bins] of what else than labels a release is asked for, under privacy, of these silos. counts,
    sizes: silo -> its noisy numbers of patients, where the true ones are private. seen: gets every round's record and state
    first; carried: what `trial.json` says of the transport.
    """

    spec: TrialSpec
    parts: Parts
    train: Cohort
    silos: list[Silo]
    ledgers: dict[int, Ledger]
    transport: Transport
    sink: Sink
    plumbing: list[dict[str, Any]] = field(default_factory=list)
    statistics: dict[str, dict[str, Any]] = field(default_factory=dict)
    audited: Audited | None = None
    conditions: NDArray[np.float64] | None = None
    counts: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    sizes: dict[int, Sizes] = field(default_factory=dict)
    seen: Watch | None = None
    carried: dict[str, Any] = field(default_factory=lambda: {"kind": "inproc"})
    draws: dict[int, Draws] = field(init=False)
    secrets: Secrets = field(init=False)
    faults: Faults = field(init=False)

    def __post_init__(self) -> None:
        self.draws = {silo: Draws() for silo in self.ledgers}
        budgets = {ledger.name: ledger.privacy.epsilon for ledger in self.ledgers.values() if ledger.noise.secure}
        self.secrets = Secrets(self.sink.noise, budgets) if budgets else Secrets()
        self.faults = schedule(self.spec.faults, [silo.name for silo in self.silos], self.spec.seed)

    @property
    def space(self) -> Space:
        return vectors.space_of(self.train, self.parts)

    def shard(
        self,
        silo: Silo,
        rows: Any,
        patient: NDArray[np.int64],
        stage: str,
        observer: Observer | None = None,
        of: NDArray[np.bool_] | None = None,
        share: float = 1.0,
        rates: float | NDArray[np.float64] | None = None,
    ) -> LocalShard:
        """Of some of the silo's records. of: which of those of the stage they are; share: of its patients, as others know it.

        rates: at which these are drawn, where they are not the stage's own.
        """
        ledger, draws = self.ledgers.get(silo.index), self.draws.get(silo.index)
        rates = self.rates(silo, stage, of) if rates is None else rates
        if draws is not None:
            draws.plan(stage, patient, rates)
        shard = self.audited.shard if self.audited else LocalShard
        declared = max(1, round(share * self.sizes[silo.index].at(stage))) if silo.index in self.sizes else None
        return shard(rows, patient, rates, stage, ledger, observer, draws, declared, self.secrets)

    def rates(self, silo: Silo, stage: str, of: NDArray[np.bool_] | None = None) -> float | NDArray[np.float64]:
        """At which a silo draws its records in a stage: all of them, or those of `of` [records]."""
        rates = account.rates_of(self.spec, silo, self.train, stage)
        return rates[of] if of is not None and isinstance(rates, np.ndarray) else rates
