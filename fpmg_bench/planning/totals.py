"""What a whole suite comes to: the few numbers that decide whether to start it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpmg_bench.runner.estimate import Seconds, remaining

if TYPE_CHECKING:
    from fpmg_bench.planning.forecast import Forecast
    from fpmg_bench.store import Planned


@dataclass(frozen=True, slots=True)
class Totals:
    """Of the selected trials. training: seconds of local training alone, with so many jobs, of what has not finished; bytes: of all
    trials that state a closed form; most: dataset/method of the trial that sends most; unstated: dataset/methods without one.

    epsilons: what each private method's largest epsilon over silos and cohorts is, with its delta and what it holds by, highest first.
    impossible: dataset/method -> why its trials would fail before they begin.
    """

    training: float
    bytes: int
    most: Forecast | None
    unstated: tuple[str, ...]
    epsilons: tuple[tuple[str, float, float | None, str], ...]
    unprotected: tuple[str, ...]
    impossible: Mapping[str, str]


def totals(
    chosen: Sequence[Planned], todo: Sequence[Planned], forecasts: Sequence[Forecast], jobs: int, ready: Callable[[str], bool]
) -> Totals:
    """chosen: all selected trials; todo: those that have not finished, one a key; ready: whether a stage 1 is there already."""
    of = {cell(f.id): f for f in forecasts}
    sending = [f for f in of.values() if f.stages and not f.pooled]
    counted = {trial.key: of[cell(trial.id)] for trial in chosen}
    formal = [(max(f.silos, key=lambda silo: silo.epsilon), f) for f in of.values() if any(s.noise is not None for s in f.silos)]
    worst: dict[str, tuple[str, float, float | None, str]] = {}
    for silo, f in sorted(formal, key=lambda pair: pair[0].epsilon):
        worst[_method(f)] = (_method(f), silo.epsilon, silo.delta, silo.holds)
    return Totals(
        training=remaining(todo, _seconds(of), jobs, ready) or 0.0,
        bytes=sum(f.bytes or 0 for f in counted.values()),
        most=max((f for f in sending if f.bytes), key=lambda f: f.bytes or 0, default=None),
        unstated=tuple(name for name, f in of.items() if f.stages and f.bytes is None),
        epsilons=tuple(reversed(worst.values())),
        unprotected=tuple(dict.fromkeys(_method(f) for f in of.values() if f.silos and _method(f) not in worst)),
        impossible={name: f.reason for name, f in of.items() if not f.possible},
    )


def cell(id: str) -> str:
    """dataset/method of a trial's id."""
    return id.rpartition("/")[0]


def _method(f: Forecast) -> str:
    return cell(f.id).partition("/")[2]


def _seconds(of: Mapping[str, Forecast]) -> Seconds:
    """Forecasts in the form of what finished trials took."""
    first, rest = {}, {}
    for name, f in of.items():
        dataset, _, method = name.partition("/")
        stage1 = sum(stage.seconds for stage in f.stages if stage.stage.startswith("stage1"))
        first[dataset, method] = [stage1]
        rest[dataset, method] = [f.seconds - stage1]
    return Seconds(first, rest)
