"""What a trial spends of each silo's privacy budget: declared before it starts, counted at every access, composed by Opacus."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from fpmg_bench.errors import PrivacyError

if TYPE_CHECKING:
    from fpmg_bench.spec import Privacy
    from fpmg_bench.types import Charges

Kind = Literal["step", "moments", "counts"]
Rates = float | Mapping[str, float]
LARGEST_SIGMA = 1e4
# of RDP: with Opacus' own orders, which end at 63, no noise reaches epsilon .1 at delta 1e-5
FAR_ORDERS = (96, 128, 192, 256, 512, 1024)


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A Gaussian mechanism of one silo: sampling rate, noise multiplier, how often."""

    stage: str
    kind: Kind
    rate: float
    sigma: float
    count: int


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise multipliers of a silo: of DP-SGD steps, and of moments and counts. clip: L2 bound of a patient's gradient.

    Where only the sum over silos is seen, `share` of the latter is what one silo adds, and `total` of it what all add.
    """

    steps: float
    statistics: float
    clip: float
    secure: bool = False
    share: float = 1.0
    total: float = 1.0


@lru_cache(maxsize=4096)
def _composed(history: tuple[tuple[float, float, int], ...], delta: float, accountant: Literal["prv", "rdp"]) -> float:
    """Epsilon of (sigma, rate, count) mechanisms by Opacus; a call of PRV costs about 0.1 s, so results are kept."""
    from opacus.accountants import PRVAccountant, RDPAccountant

    account: Any = PRVAccountant() if accountant == "prv" else RDPAccountant()
    account.history = [tuple(item) for item in history]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PRV at rate 1 is right but divides by zero on the way; RDP names its optimal order
        orders = {"alphas": [*RDPAccountant.DEFAULT_ALPHAS, *FAR_ORDERS]} if accountant == "rdp" else {}
        return float(account.get_epsilon(delta=delta, **orders))


def epsilon_of(mechanisms: Sequence[Mechanism], delta: float, accountant: Literal["prv", "rdp"] = "prv") -> float:
    """Epsilon of everything in `mechanisms`, under add/remove of one patient; 0 for nothing, infinite where noise is absent."""
    spent: dict[tuple[float, float], int] = {}
    for m in mechanisms:
        if m.count and m.sigma <= 0:
            return float("inf")
        if m.count:
            spent[m.sigma, m.rate] = spent.get((m.sigma, m.rate), 0) + m.count
    history = tuple((sigma, rate, count) for (sigma, rate), count in sorted(spent.items()))
    return _composed(history, delta, accountant) if history else 0.0


def calibrate(planned: Mapping[str, Charges], rates: Rates, privacy: Privacy) -> Noise:
    """The least noise with which the whole plan (stage -> charges) of one silo stays within epsilon. PrivacyError: no noise does."""
    few = any(c.moments or c.counts for c in planned.values())
    steps = any(c.private_steps for c in planned.values())
    share = privacy.epsilon * (privacy.statistics if steps else 1.0)
    statistics = (
        _least(lambda s: mechanisms(planned, rates, Noise(1.0, s, 1.0), only="statistics"), share, privacy) if few else 1.0
    )
    if not steps:
        return Noise(statistics, statistics, privacy.clip, privacy.secure)
    sigma = _least(lambda s: mechanisms(planned, rates, Noise(s, statistics, 1.0)), privacy.epsilon, privacy)
    return Noise(sigma, statistics, privacy.clip, privacy.secure)


def mechanisms(planned: Mapping[str, Charges], rates: Rates, noise: Noise, only: str = "") -> list[Mechanism]:
    """The planned charges of one silo as mechanisms. rates: the sampling rate of every stage, or stage -> rate."""
    rows = []
    for stage, c in planned.items():
        if only != "statistics":
            rows.append(Mechanism(stage, "step", rate_of(rates, stage), noise.steps, c.private_steps))
        rows.append(Mechanism(stage, "moments", 1.0, noise.statistics, c.moments))
        rows.append(Mechanism(stage, "counts", 1.0, noise.statistics, c.counts))
    return [row for row in rows if row.count]


def rate_of(rates: Rates, stage: str) -> float:
    """The rate at which a stage samples patients; where classes have rates of their own, the largest."""
    return rates[stage] if isinstance(rates, Mapping) else rates


def _least(plan: Any, epsilon: float, privacy: Privacy) -> float:
    """Bisection of the noise multiplier to 0.5 %: RDP (fast, an upper bound) brackets, PRV decides."""
    low, high = 0.05, 1.0
    while _spend(plan(high), privacy.delta, "rdp") > epsilon:
        low, high = high, high * 2
        if high > LARGEST_SIGMA:
            raise PrivacyError(
                f"no noise reaches epsilon {privacy.epsilon} at delta {privacy.delta}", "raise epsilon or train less"
            )
    low, high = _bisect(plan, epsilon, privacy.delta, "rdp", low, high, 0.005)
    return _bisect(plan, epsilon, privacy.delta, "prv", max(0.05, high * 0.7), high, 0.005)[1]


def _bisect(
    plan: Any, epsilon: float, delta: float, accountant: Literal["prv", "rdp"], low: float, high: float, tolerance: float
) -> tuple[float, float]:
    while high - low > tolerance * high:
        middle = (low + high) / 2
        if _spend(plan(middle), delta, accountant) > epsilon:
            low = middle
        else:
            high = middle
    return low, high


def _spend(rows: Sequence[Mechanism], delta: float, accountant: Literal["prv", "rdp"]) -> float:
    return epsilon_of(rows, delta, accountant)


@dataclass(slots=True)
class Ledger:
    """One silo's account over a whole trial. A charge beyond the plan is refused; `spent` survives a checkpoint.

    rates: of all stages, or stage -> rate. summed: stages of which only sums over silos are seen.
    """

    silo: int
    name: str
    patients: int
    rates: Rates
    privacy: Privacy
    noise: Noise
    planned: Mapping[str, Charges]
    spent: dict[tuple[str, Kind], int] = field(default_factory=dict)
    summed: frozenset[str] = frozenset()

    def _shared(self) -> dict[str, Any]:
        """What is said beside epsilon where noise is shared: epsilon itself holds against so many who collude."""
        if self.privacy.colluding is None:
            return {}
        shared = {"colluding": self.privacy.colluding, "epsilon_of_totals": self.epsilon_of_totals}
        return shared | {"noise_of_one_silo": self.noise.statistics * self.noise.share, "summed": sorted(self.summed)}

    def charge(self, stage: str, kind: Kind) -> float:
        """Count one access and return its noise multiplier. PrivacyError where the plan did not declare it."""
        declared = self.planned.get(stage)
        allowed = (
            {"step": declared.private_steps, "moments": declared.moments, "counts": declared.counts}[kind] if declared else 0
        )
        used = self.spent.get((stage, kind), 0)
        if used >= allowed:
            raise PrivacyError(
                f"silo {self.name}, {stage}: {kind} number {used + 1} exceeds the {allowed} that the plan declared",
                "the learner's charges() must count every access",
            )
        self.spent[stage, kind] = used + 1
        return self.noise.steps if kind == "step" else self.noise.statistics

    def entries(self) -> list[Mechanism]:
        """What was spent."""
        rows = []
        for (stage, kind), count in sorted(self.spent.items()):
            if kind == "step":
                rows.append(Mechanism(stage, kind, rate_of(self.rates, stage), self.noise.steps, count))
            else:
                rows.append(Mechanism(stage, kind, 1.0, self.noise.statistics, count))
        return rows

    def epsilon(self, accountant: Literal["prv", "rdp"] = "prv") -> float:
        """Epsilon spent so far."""
        return epsilon_of(self.entries(), self.privacy.delta, accountant)

    @property
    def epsilon_of_totals(self) -> float:
        """Epsilon against whoever sees no more than the totals of stages that are sums alone, where silos share their noise."""
        return epsilon_of(self.of_totals(self.entries()), self.privacy.delta)

    def of_totals(self, rows: Sequence[Mechanism]) -> list[Mechanism]:
        """These mechanisms as whoever sees totals only meets them."""
        return [replace(m, sigma=m.sigma * self.noise.total) if m.stage in self.summed else m for m in rows]

    def by_stage(self) -> dict[str, float]:
        """Epsilon of each stage as if it were released alone: they compose to less than their sum."""
        entries = self.entries()
        return {
            stage: epsilon_of([m for m in entries if m.stage == stage], self.privacy.delta)
            for stage in dict.fromkeys(m.stage for m in entries)
        }

    def summary(self) -> dict[str, Any]:
        """The silo's part of ledger.json."""
        return {
            "silo": self.silo,
            "name": self.name,
            "patients": self.patients,
            "epsilon": self.epsilon(),
            "noise": self.privacy.noise,
            "accountant": "prv",
            "epsilon_rdp": self.epsilon("rdp"),
            "epsilon_by_stage": self.by_stage(),
            "epsilon_budget": self.privacy.epsilon,
            "delta": self.privacy.delta,
            "noise_multiplier": self.noise.steps,
            "noise_multiplier_statistics": self.noise.statistics,
            "clip": self.noise.clip,
            **self._shared(),
            "entries": [
                {"stage": m.stage, "mechanism": m.kind, "sampling_rate": m.rate, "noise_multiplier": m.sigma, "count": m.count}
                for m in self.entries()
            ],
        }
