"""A trial whose silos are processes of their own: this process starts them, collects their rounds, and puts their models together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import SiloLost
from fpmg_bench.runner.child import PARENT
from fpmg_bench.store import RankFolder

if TYPE_CHECKING:
    from fpmg_bench.runner.wire import Wire
    from fpmg_bench.store import Planned, RunDir
    from fpmg_bench.trial.parts import Sink
    from fpmg_bench.trial.ranks import Crew
    from fpmg_bench.types import State

POLL = 0.05
ENDING = 5.0  # seconds that ranks have to end after one was lost


@dataclass(slots=True)
class Ranks:
    """Trains one trial. Models that ranks on other hosts left in the trial's folder are taken as they are."""

    run: RunDir
    trial: Planned
    wire: Wire
    running: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    rounds: int = 0

    def __call__(self, crew: Crew, sink: Sink) -> tuple[dict[int, dict[str, State]], dict[str, Any]]:
        """silo -> its released states, and what else one process would have kept."""
        from fpmg_bench.trial.ranks import gone, merged, payload

        folder = RankFolder(self.run.trial(self.trial.key) / "ranks")
        found = folder.models(crew.nodes, self.trial.key)
        elsewhere = found is not None
        if found is None:
            folder.clear()
            self._train(crew, folder, sink)
            found = folder.models(crew.nodes, self.trial.key)
        if found is None:
            raise SiloLost(None, "not every rank left its model")
        extras = {node: note["extra"] for node, (_, note) in found.items()}
        dead = gone(extras)
        self.gone = set(dead)
        self._collect(crew, folder, sink)
        about = {"kind": "gloo", "ranks": len(crew.nodes), "hosts": "several" if elsewhere else "one"}
        about |= {"deadline": self.wire.deadline, "on_dead": self.wire.on_dead, **payload(extras)}
        about |= {"excluded": {crew.names[silo]: f"died in {place}" for silo, place in dead.items()}} if dead else {}
        models = {node: dict(dict[Any, Any](part[0])[node]) for node, part in found.items() if node >= 0}
        return models, merged(extras) | {"transport": about}

    def _train(self, crew: Crew, folder: RankFolder, sink: Sink) -> None:
        from fpmg_bench.transport import rendezvous

        store = rendezvous.connect("127.0.0.1", 0, serve=True)
        try:
            self._start(crew, store.port)
            while self.running:
                self._collect(crew, folder, sink)
                self._look(store)
                time.sleep(POLL)
        finally:
            for process in self.running.values():
                process.kill()
                process.wait()

    def _start(self, crew: Crew, port: int) -> None:
        words = [sys.executable, "-P", "-m", "fpmg_bench.runner.rank", str(self.run.root), self.trial.key, *self.wire.words()]
        common = {
            "WORLD_SIZE": str(len(crew.nodes)), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
            "TORCHELASTIC_USE_AGENT_STORE": "True", PARENT: str(os.getpid()),
        }  # fmt: skip
        for rank, node in enumerate(crew.nodes):
            env = {**os.environ, **common, "RANK": str(rank)}
            self.running[node] = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=env)

    def _look(self, store: Any) -> None:
        """Name the first rank that ended badly; the others follow it."""
        from fpmg_bench.transport import rendezvous

        for node, process in list(self.running.items()):
            code = process.poll()
            if code is None:
                continue
            del self.running[node]
            if code != 0:
                entry = rendezvous.declared(store, node, _why(code))
                if self.wire.on_dead == "stop" or not entry["dead"] or node < 0 or sum(n >= 0 for n in self.running) < 2:
                    raise rendezvous.error(entry)
                self.gone.add(node)

    def _collect(self, crew: Crew, folder: RankFolder, sink: Sink) -> None:
        """Rounds that all ranks have left go to the sink."""
        from fpmg_bench.federation import assembly

        while (parts := folder.parts(crew.nodes, self.rounds, self.gone)) is not None:
            sink.round(assembly.whole(parts, self.gone))
            folder.drop(crew.nodes, self.rounds)
            self.rounds += 1


def _why(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
