"""Ask for proposals, run their trials on every large enough cohort, tell the answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.document.words import plural
from fpmg_bench.errors import FpmgError, StoreError, SuiteError
from fpmg_bench.results import left_out_lines
from fpmg_bench.tune.journal import open_study
from fpmg_bench.tune.objectives import Objective, measured, objectives_of
from fpmg_bench.tune.proposals import Proposal, answered, distribution_of, nearest_to_ideal

if TYPE_CHECKING:
    import optuna

    from fpmg_bench.registry import Registry
    from fpmg_bench.runner import Elsewhere, RunPlan
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.store import Planned, RunDir
    from fpmg_bench.suite import Suite, Tune

TUNED_FROM = 300  # patients
Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Tuned:
    """What a study found. best: of the Pareto front the proposal nearest to the ideal point; None where all failed."""

    run: Path
    journal: Path
    proposals: tuple[Proposal, ...]
    front: tuple[int, ...]
    best: Proposal | None
    skipped: Mapping[str, str]


def tune(
    suite: Suite,
    registry: Registry,
    *,
    out: Path | None = None,
    jobs: int | None = None,
    trials: int | None = None,
    on_event: Tell | None = None,
    device: str | None = None,
    jobs_per_device: int = 1,
    elsewhere: Elsewhere | None = None,
    study: str | None = None,
) -> Tuned:
    """Run the suite's study, or go on with it; a proposal is one trial on every large enough cohort and seed that it asks for.

    out: run directory, default runs/<suite>-tune; the journal lies beside it. jobs: proposals at a time (TPE then guesses the
    pending ones, so proposals depend on it; trials do not), by default as many as cores, or as `elsewhere`, a cluster, has slots.
    study: URL of a database instead of the journal. device, jobs_per_device: as of `fpmg_bench.run`. Raises SuiteError without a `tune` section or a large enough cohort.
    """
    from fpmg_bench.store import cores

    if suite.tune is None:
        raise SuiteError(
            f"{suite.source}: no `tune` section", "tune: {method: ..., trials: 40, holdout: 0.3, objectives: [...], space: {...}}"
        )
    where: dict[str, Any] = {"device": device, "jobs_per_device": jobs_per_device}
    work = _Study.open(suite, suite.tune, registry, out, on_event or (lambda event: None), where, elsewhere, study)
    wanted = trials if trials is not None else suite.tune.trials
    while (left := wanted - work.finished()) > 0:
        if not work.batch(min(left, jobs or (elsewhere.slots if elsewhere else cores()))):
            break
    return work.result()


@dataclass
class _Study:
    """One study: the suite's cohorts, Optuna's study, the run directory of its trials."""

    suite: Suite
    tune: Tune
    registry: Registry
    objectives: list[Objective]
    study: optuna.Study
    run: RunDir
    journal: Path
    skipped: Mapping[str, str]
    bases: tuple[TrialSpec, ...]
    surveyed: RunPlan
    tell: Tell
    elsewhere: Elsewhere | None = None
    planned: dict[str, Planned] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        suite: Suite,
        tune: Tune,
        registry: Registry,
        out: Path | None,
        tell: Tell,
        where: Mapping[str, Any],
        elsewhere: Elsewhere | None,
        url: str | None,
    ) -> _Study:
        """Check all that can be wrong before anything runs, then open the journal. where: the device and its jobs."""
        from fpmg_bench import runner
        from fpmg_bench.store import RunDir
        from fpmg_bench.suite import name_elsewhere, validate

        validate(suite, registry)
        objectives = objectives_of(suite, tune, registry)
        narrowed = replace(suite, methods={tune.method: suite.methods[tune.method]})
        on = f" --device {where['device']}" if where["device"] else ""
        made = replace(
            runner.plan(narrowed, registry, seeds=suite.seeds[: tune.seeds], **where),
            command=f"fpmg-bench tune {name_elsewhere(suite)}{on}",
        )
        small = {
            name: f"{plural(info.patients, 'patient')}; tuned are cohorts from {TUNED_FROM} on"
            for name, info in made.cohorts.items()
            if info.patients < TUNED_FROM
        }
        bases = tuple(t.spec for t in made.trials if t.id in made.selected and t.spec.dataset_name not in small)
        if not bases:
            reasons = left_out_lines(*([(r.id, r.reason) for r in entries] for entries in (made.refusals, made.skipped)))
            reasons += [f"{name}: {reason}" for name, reason in small.items()]
            raise SuiteError(
                f"{suite.source}: tune: no cohort to tune on: {'; '.join(reasons)}", "tune on the phantom, and use its settings"
            )
        target = RunDir(out if out is not None else Path("runs") / f"{suite.name}-tune")
        target.check_owner(suite.name)
        journal = target.root.with_name(f"{target.root.name}.journal")
        study = open_study(suite, journal, objectives, bases, url)
        return cls(suite, tune, registry, objectives, study, target, journal, small, bases, made, tell, elsewhere)

    def finished(self) -> int:
        """Proposals that were answered, well or badly."""
        return sum(trial.state.is_finished() for trial in self.study.trials)

    def batch(self, size: int) -> bool:
        """Ask for `size` proposals, run their trials, tell the answers. False if interrupted."""
        from fpmg_bench import runner
        from fpmg_bench.errors import ExitCode
        from fpmg_bench.store import only_writer

        requested = [self.study.ask(self._space()) for _ in range(size)]
        specs = {trial.number: self._specs(trial) for trial in requested}
        made = runner.keyed([spec for each in specs.values() for spec in each], self.registry, self.surveyed)
        self.planned |= {trial.id: trial for trial in made.trials}
        with only_writer(self.run.root, wait=False):
            replace(made, trials=(*self._earlier(made), *made.trials)).write(self.run)
            outcome = runner.compute(made, self.run, size, self.tell, elsewhere=self.elsewhere)
        for trial in requested:
            self._answer(trial, specs[trial.number])
        return outcome.code is not ExitCode.INTERRUPTED

    def result(self) -> Tuned:
        """All proposals so far, the Pareto front, and the pick."""
        proposals = tuple(answered(trial, self.objectives) for trial in self.study.trials if trial.state.is_finished())
        done = [p for p in proposals if p.values]
        front = tuple(sorted(trial.number for trial in self.study.best_trials)) if done else ()
        best = nearest_to_ideal([p for p in done if p.number in front], done, self.objectives)
        return Tuned(self.run.root, self.journal, proposals, front, best, self.skipped)

    def _space(self) -> dict[str, optuna.distributions.BaseDistribution]:
        return {path: distribution_of(path, entry) for path, entry in self.tune.space.items()}

    def _specs(self, trial: optuna.Trial) -> list[TrialSpec]:
        """The proposal's trial on every cohort and seed, inside the development set."""
        from fpmg_bench.suite import with_values
        from fpmg_bench.suite.expansion import encoders_of, silo_names, silos_of

        method = with_values(self.suite, self.tune.method, trial.params, self.registry).methods[self.tune.method]
        specs = []
        for base in self.bases:
            info = self.surveyed.cohorts[base.dataset_name]
            chosen: dict[str, Any] = {
                "generator": method.generator,
                "topology": method.topology,
                "aggregator": method.aggregator,
                "encoder_aggregator": method.encoder_aggregator,
                "privacy": method.privacy,
                "budget": replace(self.suite.budget, **method.budget),
            }
            named = silo_names(base.partition, info)
            silos = silos_of(method, info, named) if base.silos else {}
            placed: dict[str, Any] = {"encoders": encoders_of(method, info), "silos": silos}
            name = f"{self.tune.method}#{trial.number}"
            specs.append(replace(base, method=name, tuning=True, holdout=self.tune.holdout, **chosen, **placed))
        return specs

    def _earlier(self, made: RunPlan) -> list[Planned]:
        """Trials of earlier batches that are in the run directory: its table shows the whole study."""
        now = {trial.id for trial in made.trials}
        try:
            known = {trial.id: trial for trial in self.run.trials()}
        except StoreError:  # there is no plan yet, or a damaged one: the journal keeps the study, and the table starts anew
            known = {}
        return [trial for id, trial in (known | self.planned).items() if id not in now and self.run.result(trial.key)]

    def _answer(self, trial: optuna.Trial, specs: Sequence[TrialSpec]) -> None:
        """Mean over cohorts and seeds of every objective; a proposal of which one trial failed has none."""
        import optuna

        try:
            values = [self._mean(objective, specs) for objective in self.objectives]
        except FpmgError as error:
            trial.set_user_attr("reason", str(error))
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return
        trial.set_user_attr("measured", dict(zip(self.tune.objectives, values, strict=True)))
        self.study.tell(trial, [objective.of(value) for objective, value in zip(self.objectives, values, strict=True)])

    def _mean(self, objective: Objective, specs: Sequence[TrialSpec]) -> float:
        return math.fsum(measured(self.run.result(self.planned[spec.id].key), spec.id, objective.name) for spec in specs) / len(
            specs
        )
