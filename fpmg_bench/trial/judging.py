"""Steps 7 to 10: a release is drawn, checked and measured. Whoever measures trains nothing; whoever draws holds no patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from fpmg_bench.audit.equality import equal
from fpmg_bench.controls.join import concatenate
from fpmg_bench.errors import NotApplicable, TrialError
from fpmg_bench.federation.graph import graph_of
from fpmg_bench.keys import seed_for
from fpmg_bench.trial import account, faulted
from fpmg_bench.trial.attacked import Trained
from fpmg_bench.trial.cost import Clock, cost
from fpmg_bench.trial.decoded import NOT_HERE, OUTSIDE, bare, decoded, outside, through_encoders
from fpmg_bench.trial.learning import Learnt, Models, learn, opened, requested
from fpmg_bench.trial.measure import audit_rows, inapplicable, measure, scores_of
from fpmg_bench.trial.parts import Nowhere
from fpmg_bench.trial.prepared import PreparedCohort, TrainingPatients, evidence, people
from fpmg_bench.trial.release import Drawn, records
from fpmg_bench.trial.released import Conduct, Outcome, Released
from fpmg_bench.trial.requested import mixture, uniform
from fpmg_bench.trial.traffic import traffic
from fpmg_bench.trial.vectors import round_trips

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.evaluation import EvaluationSpace, Measured
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.trial.parts import Parts, Sink
    from fpmg_bench.types import Cohort, State

SHOWN = 2  # patients of a class whose round trip is kept, where the cohort is publishable
HELD_OUT = "held-out"
NOBODY_HELD_OUT = "final: nobody was held out; the method's other trials measure it"


class Draw(Protocol):
    """Of models, under requested conditions [n, c]: silo -> release. decode: else vectors alone (`release.undecoded`)."""

    def __call__(self, models: Models, requested: NDArray[np.float64], decode: bool = True) -> dict[int, Drawn]: ...


@dataclass(frozen=True, slots=True)
class Judge:
    """Who measures a trial. real: the view of its real patients; draw: makes releases."""

    spec: TrialSpec
    parts: Parts
    prepared: PreparedCohort
    space: EvaluationSpace
    real: Measured
    draw: Draw

    def look(self, models: Models, asked: NDArray[np.float64], rounds: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Rows of the metrics marked cheap, on what these models release: see `evaluate_every`."""
        made = Released(records(self.draw(models, asked)), rounds=rounds, asked=partial(self._asked, models))
        seen = evidence(self.real, self.prepared.train, made)
        cheap = {name: metric for name, metric in self.parts.metrics.items() if getattr(metric, "cheap", False)}
        return [row for name, metric in cheap.items() for row in scores_of(name, metric, seen, self.spec.seed)]

    def __call__(self, learnt: Learnt | None, sink: Sink, clock: Clock) -> None:
        """Steps 7 to 10. learnt: None where nothing is, for a bare control and for what is made elsewhere."""
        if learnt is None:
            released, conduct = self._unlearnt(sink, clock)
        else:
            released, conduct = self._learnt(learnt, sink, clock)
        public = {} if callable(released.records) else released.records
        for name, cohort in _distinct(public, self.prepared.train.silo_names):
            sink.synthetic(cohort, name)
        with clock("measure"):
            seen = evidence(self.real, self.prepared.train, released)
            found = self.prepared.audit(self.spec, self.space, public, conduct.privacy)
            if self.spec.external:
                inapplicable(self.parts.metrics, OUTSIDE, sink, NOT_HERE)
            if self.spec.final:
                inapplicable(self.parts.metrics, NOBODY_HELD_OUT, sink)
            scores = measure(self.parts.metrics, seen, self.spec.seed, sink) + (audit_rows(found) if found else [])
            same = self._equal(public) if learnt and self.parts.generator is not None else {}
            self._show_round_trip(seen, sink)
        done = Outcome(self.spec, people(self.prepared), released, conduct, found, scores, cost(clock), same)
        sink.finish(done.record())

    def _equal(self, public: Mapping[int, Cohort]) -> dict[str, dict[str, int]]:
        """Of how many patients a value was released as it is."""
        distinct = {id(release): release for release in public.values()}
        return equal(distinct.values(), self.prepared.train, self.prepared.parted.held_out, self.spec.seed)

    def _unlearnt(self, sink: Sink, clock: Clock) -> tuple[Released, Conduct]:
        """A bare control's, or what others make."""
        if not self.spec.external:
            with clock("sample"):
                return bare(self.spec, self.parts, self.prepared), Conduct()
        sink.event({"event": "stage", "name": "elsewhere", "total": 1})
        with clock("elsewhere"):
            released, told = outside(self.spec, self.parts, self.prepared)
        return released, Conduct(external=told)

    def _learnt(self, learnt: Learnt, sink: Sink, clock: Clock) -> tuple[Released, Conduct]:
        spec, parts, prepared, stages = self.spec, self.parts, self.prepared, learnt.stages
        models, train = learnt.measured, prepared.train
        sink.event({"event": "stage", "name": "sample", "total": 1})
        with clock("sample"):
            made = self._made(learnt, models)
        pooled = spec.partition.get("kind") == "pooled"
        sink.ledger(account.ledger_file(stages.ledgers, stages.draws, spec, train.drafted, parts.trusted))
        released = replace(
            self._seen(made, learnt),
            rounds=sink.rounds,
            again=self._again if spec.control is None and parts.generator is not None else None,
            ledgers={silo: ledger.summary() for silo, ledger in stages.ledgers.items()},
            frames=learnt.frames,
            bytes=traffic(sink.rounds, stages.statistics, prepared.cohort, train, pooled),
            plumbing=stages.plumbing,
            round_trip=lambda: round_trips(parts, train, prepared.parted.held_out, models),
            member_trip=lambda: round_trips(parts, train, train, models),
        )
        graph = asdict(graph_of(parts.topology, len(prepared.silos))) if parts.topology and not pooled else {}
        faults = faulted.summary(stages, sink.rounds)
        return released, Conduct(
            account.privacy_summary(stages.ledgers, spec, train.drafted, parts.trusted), stages.carried, graph, faults
        )

    def _seen(self, made: Released, learnt: Learnt) -> Released:
        """With the models that made it, as whoever holds them uses them."""
        stages, models = learnt.stages, learnt.measured
        return replace(
            made,
            models=models,
            encode=lambda silo, cohort: stages.encode(cohort, models[silo]).z.numpy(),
            widths={modality: encoder.dim for modality, encoder in self.parts.encoders.items()},
            learners=Trained(stages, learnt.models),  # neighbours attack liars and the dead too
        )

    def _again(self, cohorts: Sequence[Cohort], seed: int) -> Measured:
        """The method trained on other patients of the same silos: an attacker's shadow, of which nothing is kept."""
        where = self.spec.partition if self.spec.partition.get("kind") == "pooled" else {"kind": "natural"}
        other = seed_for(self.spec.seed, "shadow", seed)
        spec = replace(self.spec, seed=other, partition=where, frames=False, audit=None, faults=())
        training = TrainingPatients(concatenate(cohorts), None).placed(spec)
        learnt = learn(opened(spec, self.parts, training, Nowhere()), Clock())
        return evidence(self.real, training.train, self._seen(self._made(learnt, learnt.measured), learnt))

    def _made(self, learnt: Learnt, models: Models) -> Released:
        """What the generator draws, or what stands in its place."""
        if self.spec.control is not None:
            return through_encoders(self.spec, self.parts, self.prepared, models)
        if self.parts.generator is None:
            return decoded(self.spec, self.parts, self.prepared, models)
        drawn = self.draw(models, requested(learnt.stages, mixture))
        return Released(
            records(drawn),
            partial(self._balanced, learnt, models),
            drawn=lambda silo: drawn[silo].vectors,
            more=partial(self._more, learnt, models),
            even=partial(self._balanced, learnt, models),
            asked=partial(self._asked, models),
        )

    def _asked(self, models: Models, conditions: NDArray[np.float64]) -> dict[int, Cohort]:
        """What the models give under conditions that a metric chooses; the release's own are drawn as patients have them."""
        return records(self.draw(models, conditions))

    def _more(self, learnt: Learnt, models: Models, silo: int, size: int, state: State) -> NDArray[np.float32]:
        """Vectors [size, d] of one silo's model, under the release's conditions again and again.

        state: tensors that somebody received, in the place of the generator's own. Raises NotApplicable where it cannot draw with them.
        """
        import numpy as np

        asked = requested(learnt.stages, mixture)
        model = {**models[silo], "generator": {**models[silo]["generator"], **state}}
        try:
            return self.draw({silo: model}, np.resize(asked, (size, asked.shape[1])), decode=False)[silo].vectors
        except TrialError as error:
            if not state:
                raise
            raise NotApplicable(f"the received model does not draw: {error.message}") from error

    def _balanced(self, learnt: Learnt, models: Models, size: int | None = None) -> dict[int, Cohort]:
        """Drawn when a metric first asks: every class equally often, in so many records or the usual number."""
        return records(self.draw(models, requested(learnt.stages, partial(uniform, size=size))))

    def _show_round_trip(self, seen: Measured, sink: Sink) -> None:
        """Of encoders alone, on publishable cohorts only: a few held-out patients and what the first silo's decoder makes of them."""
        if self.spec.role != "decoded" or not self.parts.dataset.publishable:
            return
        import numpy as np

        held_out = self.prepared.parted.held_out
        classes = [np.flatnonzero(held_out.label == c)[:SHOWN] for c in range(len(held_out.classes))]
        rows = np.concatenate(classes)
        sink.synthetic(next(iter(seen.round_trips().values())).take(rows), "decoded")
        sink.synthetic(held_out.take(rows), HELD_OUT)


def _distinct(released: Mapping[int, Cohort], names: tuple[str, ...]) -> list[tuple[str, Cohort]]:
    """Each different release once, under its first silo's name, or "all" where there is but one."""
    first = {id(cohort): (names[silo], cohort) for silo, cohort in reversed(list(released.items()))}
    rows = list(reversed(first.values()))
    return [("all", rows[0][1])] if len(rows) == 1 else rows
