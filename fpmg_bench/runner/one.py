"""One trial in this process: `python -P -m fpmg_bench.runner RUN KEY`."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from fpmg_bench.devices import settle
from fpmg_bench.document.words import plural
from fpmg_bench.errors import ExitCode, FpmgError, StoreError
from fpmg_bench.hookspecs import CORE
from fpmg_bench.registry import local
from fpmg_bench.runner.child import PARENT, SINGLE_THREADED
from fpmg_bench.runner.devices import place_of, reason
from fpmg_bench.runner.ranks import Ranks
from fpmg_bench.runner.wire import Wire
from fpmg_bench.store import Planned, RunDir, TrialSink, only_writer

if TYPE_CHECKING:
    from fpmg_bench.contracts import Dataset
    from fpmg_bench.registry import ComponentKind, Registry
    from fpmg_bench.spec import Choice, TrialSpec
    from fpmg_bench.trial import Parts
    from fpmg_bench.trial.stages import Stages

Emit = Callable[[Mapping[str, Any]], None]
Prepare = Callable[["TrialSpec"], tuple[bool, Callable[[TrialSink], None]]]
PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """RUN KEY (or its first characters), and how silos are joined. Events go to stdout as JSON lines, all else to stderr."""
    if len(arguments) not in (2, 5):
        sys.stderr.write("usage: python -P -m fpmg_bench.runner RUN KEY [gloo DEADLINE ON_DEAD]\n")
        return ExitCode.USAGE
    for name, value in SINGLE_THREADED.items():
        os.environ.setdefault(name, value)
    try:
        run = RunDir(Path(arguments[0]))
        trial, wire = find(run, arguments[1]), Wire.of(arguments[2:])
        return execute(run, trial, lambda spec: _prepare(spec, run, trial, wire))
    except FpmgError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def find(run: RunDir, key: str) -> Planned:
    """The planned trial whose key starts like this. Raises StoreError if none does, or several do."""
    found = {trial.key: trial for trial in run.trials() if trial.key.startswith(key)}
    if len(found) != 1:
        raise StoreError(
            f"{run.root}/plan.json: {plural(len(found), 'trial has', 'trials have')} a key that starts with {key!r}",
            "give more of the key",
        )
    return next(iter(found.values()))


def execute(run: RunDir, trial: Planned, prepare: Prepare, emit: Emit | None = None) -> int:
    """Prepare and run one trial as its folder's only writer; whatever goes wrong in it is recorded with its place.

    emit: where events go; None in a process of the trial's own, which ends with its parent.
    """
    if emit is None:
        die_with_parent()
        emit = event_stream()
    with only_writer(run.trial(trial.key), wait=True):
        try:
            publishable, work = prepare(trial.spec)
        except Exception as error:  # noqa: BLE001 - recorded as the trial's failure
            return _failed(TrialSink(run, trial, False, emit), error)
        sink = TrialSink(run, trial, publishable, emit)
        try:
            work(sink)
        except Exception as error:  # noqa: BLE001 - recorded as the trial's failure
            return _failed(sink, error)
    return ExitCode.OK


def _failed(sink: TrialSink, error: Exception) -> int:
    traceback.print_exc()
    sink.fail(reason(error))
    return ExitCode.SOME_FAILED


def _prepare(spec: TrialSpec, run: RunDir, trial: Planned, wire: Wire) -> tuple[bool, Callable[[TrialSink], None]]:
    """The trial's parts from the installed plug-ins, on one thread."""
    import torch

    from fpmg_bench.registry import Registry
    from fpmg_bench.trial import run_trial

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    parts = build(spec, Registry.discover())
    settle(parts.device)
    train = None if wire.kind == "inproc" else by_ranks(Ranks(run, trial, wire))
    return bool(parts.dataset.publishable), lambda sink: run_trial(spec, parts, sink, train)


def by_ranks(ranks: Ranks) -> Callable[[Stages], tuple[Any, dict[str, Any]]]:
    """Training with a process for every silo."""
    from fpmg_bench.trial.ranks import crew, spend_all, whole_silos

    def train(stages: Stages) -> tuple[Any, dict[str, Any]]:
        assert stages.parts.topology is not None
        whole_silos(stages.parts, stages.train, stages.silos)
        found = ranks(crew(stages.spec, stages.parts.topology, stages.silos), stages.sink)
        spend_all(stages, ranks.gone)
        return found

    return train


def build(spec: TrialSpec, registry: Registry) -> Parts:
    """The components that a specification names."""
    from fpmg_bench.trial import Parts

    return Parts(
        dataset=registry.build("dataset", spec.dataset),
        encoders={name: registry.build("encoder", choice) for name, choice in spec.encoders.items()},
        generator=registry.build("generator", spec.generator) if spec.generator else None,
        topology=registry.build("topology", spec.topology) if spec.topology else None,
        aggregator=registry.build("aggregator", spec.aggregator) if spec.aggregator else None,
        encoder_aggregator=registry.build("aggregator", spec.encoder_aggregator) if spec.encoder_aggregator else None,
        metrics={
            _today(choice.name, registry): registry.build("metric", choice) for choice in _ours_first(spec.metrics, registry)
        },
        device=place_of(spec),
        trusted=_others(spec, registry),
        folder=partial(_folder, registry) if spec.external else None,
    )


def _folder(registry: Registry, root: str, file: str) -> Dataset:
    """The reader of folder cohorts, for what was made elsewhere."""
    from fpmg_bench.spec import Choice

    found: Dataset = registry.build("dataset", Choice("folder", {"root": root, "file": file}))
    return found


def _others(spec: TrialSpec, registry: Registry) -> tuple[str, ...]:
    """Names of the components of other distributions that run in the process of the training patients."""
    chosen: list[tuple[ComponentKind, Choice | None]] = [("encoder", choice) for choice in spec.encoders.values()]
    chosen += [("generator", spec.generator), ("topology", spec.topology)]
    chosen += [("aggregator", spec.aggregator), ("aggregator", spec.encoder_aggregator)]
    found = [registry.find(kind, choice.name) for kind, choice in chosen if choice is not None]
    return tuple(dict.fromkeys(local.shown(entry.full_name) for entry in found if entry.distribution != CORE))


def _today(name: str, registry: Registry) -> str:
    """A metric's name as written, or the one it has now where that is an old one, or its class's in a file: it names the scores."""
    entry = registry.find("metric", name)
    return entry.name if name in entry.formerly or local.is_local(name) else name


def _ours_first(metrics: Sequence[Choice], registry: Registry) -> list[Choice]:
    """Third parties' metrics run last: whatever they do, what ships has been measured before."""
    return sorted(metrics, key=lambda choice: registry.find("metric", choice.name).distribution != CORE)


def event_stream() -> Emit:
    """Events go where stdout went; stdout itself joins stderr, so that libraries which print cannot break the stream."""
    sys.stdout.flush()
    stream = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def emit(event: Mapping[str, Any]) -> None:
        _send(stream, event)

    return emit


def _send(stream: BinaryIO, event: Mapping[str, Any]) -> None:
    try:
        stream.write(json.dumps(event).encode() + b"\n")
        stream.flush()
    except BrokenPipeError:
        # The parent is gone. An exception could be taken for a metric's failure and become a result; a dead process is resumed.
        os._exit(ExitCode.INTERRUPTED)


def die_with_parent() -> None:
    """On Linux the system kills this process when the runner that started it dies; elsewhere the broken event stream ends it."""
    parent = os.environ.get(PARENT)
    if parent is not None:
        die_with(int(parent))


def die_with(parent: int) -> None:
    """Do not outlive this parent."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(ExitCode.INTERRUPTED)
