"""What the processes of a warm run do: zygote -> scene (dataset, seed) -> trainer, onlooker, measurer; zygote -> sampler.

Who trains holds the training patients, who draws a release holds nobody, who measures holds everybody and trains nothing. A trainer
leaves states, ledgers, rounds and bytes in the trial's folder, its frames in a file that has no name; a measurer goes on from there.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import ExitCode
from fpmg_bench.runner.child import LOST
from fpmg_bench.runner.forking import Life, Waiting, ended, forget, forgotten, remembering, threads
from fpmg_bench.runner.one import build, die_with, execute
from fpmg_bench.runner.sampler import Gone, Onlooker, Sampler, look_for, serve
from fpmg_bench.store import Planned, RunDir, TrialSink
from fpmg_bench.store.tensors import pack, unpack
from fpmg_bench.trial.cost import Clock, denormals_flushed
from fpmg_bench.trial.judging import Judge
from fpmg_bench.trial.learning import learn, opened, recalled
from fpmg_bench.trial.prepared import Loaded
from fpmg_bench.types import Pixels

if TYPE_CHECKING:
    from fpmg_bench.evaluation import Measured
    from fpmg_bench.registry import Registry
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.trial import Parts
    from fpmg_bench.trial.prepared import TrainingPatients
    from fpmg_bench.types import Cohort

HELD = 1 << 30  # bytes of pictures that a scene holds in memory, so that its trials need not read them again
ENOUGH = 3  # trials that share a real side, from which it pays to measure it before them
SOME = 200  # records of the release with which it is warmed


class Zygote(Waiting):
    """Imports once, of no cohort anything."""

    def __init__(self, orders: socket.socket, run: RunDir, registry: Registry) -> None:
        super().__init__(orders)
        self.run, self.registry = run, registry
        self.caches = remembering()

    def born(self, order: Mapping[str, Any], fds: list[int]) -> Life:
        """A scene, with sockets for its own orders and for those of its trainers; or a sampler, with a socket to who asks it."""
        spec = Planned.from_json(order["trial"]).spec
        ends = [socket.socket(fileno=fd) for fd in fds]
        if order["role"] == "sampler":
            return partial(sample, spec, self.registry, ends[0])
        return Scene(ends[0], ends[1], self, spec)


class Trials(Waiting):
    """A scene's two halves, as they wait for trials."""

    def __init__(self, orders: socket.socket, run: RunDir, registry: Registry, trouble: Exception | None) -> None:
        super().__init__(orders)
        self.run, self.registry, self.trouble = run, registry, trouble

    def parts(self, spec: TrialSpec) -> Parts:
        """The components of a trial, or what kept its cohort from being loaded."""
        if self.trouble is not None:
            raise self.trouble
        return build(spec, self.registry)


class Scene(Trials):
    """A cohort, loaded and split once. What is measured of real patients alone is measured once for each placing of them."""

    def __init__(self, orders: socket.socket, training: socket.socket, zygote: Zygote, spec: TrialSpec) -> None:
        super().__init__(orders, zygote.run, zygote.registry, None)
        self.training: socket.socket | None = training
        self.caches, self.spec = zygote.caches, spec
        self.loaded: Loaded | None = None
        self.sides: dict[str, Side] = {}

    def __call__(self) -> Life:
        """Load, part with the training patients in a process of their own, then serve."""
        if self.training is not None:
            self._load()
            training, self.training = self.training, None
            parent = os.getpid()
            if unsafe := threads():
                training.send(json.dumps({"unsafe": unsafe}).encode())
            elif os.fork() == 0:
                return self._apart(training, parent)
            training.close()
        return super().__call__()

    def _load(self) -> None:
        with denormals_flushed():
            try:
                self.loaded = Loaded.of(self.spec, self.registry.build("dataset", self.spec.dataset))
            except Exception as error:  # noqa: BLE001 - a dataset's: every trial of the scene fails with it, in its own folder
                self.trouble = error

    def _apart(self, orders: socket.socket, parent: int) -> Life:
        """In a fork: the training patients alone. What a dataset has read may also lie in caches."""
        self.orders.close()
        die_with(parent)
        forget(self.caches)
        patients = None if self.loaded is None else alone(self.loaded.training)
        return TrainingScene(orders, self.run, self.registry, self.trouble, patients)

    def before(self, order: Mapping[str, Any]) -> None:
        """The real side of this trial, if it is not there yet."""
        if order["side"] not in self.sides and self.loaded is not None:
            spec = Planned.from_json(order["trial"]).spec
            with denormals_flushed():
                self.sides[order["side"]] = Side.of(self.loaded, spec, self.registry, warm=order["sharing"] >= ENOUGH)

    def born(self, order: Mapping[str, Any], fds: list[int]) -> Life:
        """A measurer, with a socket to its sampler and the file of its frames; or an onlooker, with one to its trainer besides."""
        trial = Planned.from_json(order["trial"])
        side = self.sides.get(order["side"])
        if order["role"] == "onlooker":
            return partial(look_on, self, trial, side, *(socket.socket(fileno=fd) for fd in fds))
        frames = fds[1] if len(fds) > 1 else None
        return partial(measure, self, trial, side, socket.socket(fileno=fds[0]), frames)


class TrainingScene(Trials):
    """The training patients of a scene, and nobody else."""

    def __init__(
        self, orders: socket.socket, run: RunDir, registry: Registry, trouble: Exception | None, patients: TrainingPatients | None
    ) -> None:
        super().__init__(orders, run, registry, trouble)
        self.patients = patients

    def born(self, order: Mapping[str, Any], fds: list[int]) -> Life:
        """A trainer, with the file for its frames and a socket to its onlooker, where it has them."""
        return partial(train, self, Planned.from_json(order["trial"]), **dict(zip(order["extra"], fds, strict=True)))


@dataclass(slots=True)
class Side:
    """The real patients of a scene with some modalities, as metrics see them; or why there are none."""

    loaded: Any = None
    space: Any = None
    real: Any = None
    trouble: Exception | None = None

    @classmethod
    def of(cls, loaded: Loaded, spec: TrialSpec, registry: Registry, *, warm: bool) -> Side:
        """Fit the space, and measure a release of real patients, so that what depends on them alone is there."""
        from fpmg_bench.evaluation import EvaluationSpace

        try:
            parts, chosen = build(spec, registry), loaded.only(spec)
            prepared = chosen.placed(spec)
            space = EvaluationSpace.fit(prepared.whole, spec.seed)
            real = prepared.real(spec, parts.dataset.publishable, space)
            return cls(chosen, space, _warmed(real, parts, spec, registry) if warm and not spec.final else real)
        except Exception as error:  # noqa: BLE001 - of plug-ins: every trial of this side fails with it, in its own folder
            return cls(trouble=error)


def _warmed(real: Measured, parts: Parts, spec: TrialSpec, registry: Registry) -> Measured:
    """Only by metrics that ship: one of third parties that never ended would end all trials of the scene."""
    import numpy as np

    from fpmg_bench.hookspecs import CORE
    from fpmg_bench.trial.measure import scores_of

    rows = np.random.default_rng(spec.seed).permutation(len(real.train))[:SOME]
    some = dict.fromkeys(range(len(real.silo_names)), real.train.take(np.sort(rows)))
    seen = real.next_release(some, balanced=some)
    for name, metric in parts.metrics.items():
        if registry.find("metric", name).distribution == CORE:
            scores_of(name, metric, seen, spec.seed)
    return seen


def alone(patients: TrainingPatients) -> TrainingPatients:
    """The same, holding nothing of anybody else's: pictures are copied out of what all are read from, unless they are files too large."""
    from dataclasses import replace

    return replace(patients, train=_alone(patients.train))


def _alone(cohort: Cohort) -> Cohort:
    from dataclasses import replace

    import numpy as np

    data = {
        name: Pixels.of(np.array(part.array()))
        if isinstance(part, Pixels) and (_in_memory(part) or len(part) * int(np.prod(cohort.schemas[name].shape)) <= HELD)
        else part
        for name, part in cohort.data.items()
    }
    return replace(cohort, data=data)


def _in_memory(part: Pixels) -> bool:
    import numpy as np

    owner = getattr(part.read, "__self__", None)
    return isinstance(owner, np.ndarray) and not isinstance(owner, np.memmap)


def sample(spec: TrialSpec, registry: Registry, end: socket.socket) -> Any:
    """A sampler: draws what it is asked for until nobody asks."""
    forgotten()
    with denormals_flushed():
        try:
            serve(end, build(spec, registry))
        except Gone:
            ended(LOST)
    ended(ExitCode.OK)


def train(scene: TrainingScene, trial: Planned, frames: int | None = None, onlooker: int | None = None) -> Any:
    """A trainer: stages 1 and 2."""
    patients, scene.patients = scene.patients, None

    def prepare(spec: TrialSpec) -> tuple[bool, Callable[[TrialSink], None]]:
        parts = scene.parts(spec)
        assert patients is not None
        return bool(parts.dataset.publishable), partial(_train, spec, parts, patients, frames, onlooker)

    ended(_whole(scene.run, trial, prepare))


def _train(
    spec: TrialSpec, parts: Parts, patients: TrainingPatients, frames: int | None, onlooker: int | None, sink: TrialSink
) -> None:
    look = None if onlooker is None else Onlooker(socket.socket(fileno=onlooker))
    clock = Clock()
    stages = opened(spec, parts, patients.placed(spec), sink)
    learnt = recalled(stages, None, clock) or learn(stages, clock, look=look)
    if frames is not None:
        with os.fdopen(frames, "wb", closefd=False) as file:
            file.seek(0)
            file.truncate()  # a trainer before this one may have been killed here
            file.write(_packed(learnt.frames))
    sink.emit({"event": "trained"})


def measure(scene: Scene, trial: Planned, side: Side | None, end: socket.socket, frames: int | None) -> Any:
    """A measurer: steps 7 to 10 of what was trained, or of a control."""

    def prepare(spec: TrialSpec) -> tuple[bool, Callable[[TrialSink], None]]:
        parts = scene.parts(spec)
        return bool(parts.dataset.publishable), partial(_measure, spec, parts, side, end, frames)

    ended(_whole(scene.run, trial, prepare))


def _measure(spec: TrialSpec, parts: Parts, side: Side | None, end: socket.socket, frames: int | None, sink: TrialSink) -> None:
    clock = Clock()
    judge = _judge(spec, parts, side, end, clock)
    if not spec.trains:
        return judge(None, sink, clock)
    learnt = recalled(opened(spec, parts, judge.prepared.training, sink), _unpacked(frames), clock)
    if learnt is None:
        return sink.emit({"event": "untrained"})
    return judge(learnt, sink, clock)


def look_on(scene: Scene, trial: Planned, side: Side | None, trainer: socket.socket, sampler: socket.socket) -> Any:
    """An onlooker: scores what a trainer would release now, until nobody asks."""
    forgotten()
    spec = trial.spec
    with denormals_flushed():
        try:
            look_for(trainer, cache(lambda: _judge(spec, scene.parts(spec), side, sampler, Clock())))
        except Gone:
            ended(LOST)
    ended(ExitCode.OK)


def _judge(spec: TrialSpec, parts: Parts, side: Side | None, end: socket.socket, clock: Clock) -> Judge:
    assert side is not None
    if side.trouble is not None:
        raise side.trouble
    prepared = side.loaded.placed(spec)
    return Judge(spec, parts, prepared, side.space, side.real, Sampler(end, prepared.train, spec.seed, clock))


def _whole(run: RunDir, trial: Planned, prepare: Any) -> int:
    """As a trial of its own process, but that its other half may be gone."""
    with denormals_flushed():
        try:
            return execute(run, trial, prepare, forgotten())
        except Gone:
            return LOST


def _packed(frames: Any) -> bytes:
    """Messages that silos received, as bytes: trees of tensors, and JSON."""
    trees = {silo: {i: _fields(frame, trees=True) for i, frame in enumerate(each)} for silo, each in frames.items()}
    heads = {str(silo): [_fields(frame, trees=False) for frame in each] for silo, each in frames.items()}
    return pack(trees, heads)


def _fields(frame: Mapping[str, Any], *, trees: bool) -> dict[str, Any]:
    return {name: value for name, value in frame.items() if isinstance(value, Mapping) is trees}


def _unpacked(file: int | None) -> dict[int, list[dict[str, Any]]] | None:
    if file is None:
        return None
    with os.fdopen(os.dup(file), "rb") as opened_file:
        opened_file.seek(0)
        data = opened_file.read()
    if not data:
        return None
    trees, heads = unpack(data)
    return {int(silo): [_tupled(head) | trees[int(silo)][i] for i, head in enumerate(each)] for silo, each in heads.items()}


def _tupled(head: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows lists only; a frame's are tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in head.items()}
