"""A trial whose silos are processes of their own: this process starts them, collects their rounds, and puts their models together."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import SiloLost
from fpmg_bench.keys import KEY_BYTES
from fpmg_bench.runner.child import PARENT
from fpmg_bench.store import RankFolder

if TYPE_CHECKING:
    from fpmg_bench.runner.wire import Wire
    from fpmg_bench.store import Planned, RunDir
    from fpmg_bench.trial.parts import Sink
    from fpmg_bench.trial.ranks import Crew
    from fpmg_bench.types import State

POLL = 0.05


@dataclass(slots=True)
class Ranks:
    """Trains one trial. Models that ranks on other hosts left in the trial's folder are taken as they are."""

    run: RunDir
    trial: Planned
    wire: Wire
    running: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    rounds: int = 0
    last: SiloLost | None = None
    generation: int = 0  # of the ranks' group: so many were lost, and the others went on

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
            raise self.last or SiloLost(None, "not every rank left its model")
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
        from fpmg_bench.transport.channel import Channel
        from fpmg_bench.transport.watch import Beats

        key = secrets.token_hex(KEY_BYTES)
        store = rendezvous.connect("127.0.0.1", 0, serve=True, channel=Channel(bytes.fromhex(key)))
        beats = Beats()
        try:
            self._start(crew, store.port, key)
            while self.running:
                self._collect(crew, folder, sink)
                self._look(store, crew)
                rendezvous.silent(store, self.generation, beats, list(self.running))  # nobody else may be left to notice
                time.sleep(POLL)
        finally:
            for process in self.running.values():
                _end(process)

    def _start(self, crew: Crew, port: int, key: str) -> None:
        from fpmg_bench.transport.channel import RUN_KEY

        words = [sys.executable, "-P", "-m", "fpmg_bench.runner.rank", str(self.run.root), self.trial.key, *self.wire.words()]
        common = {
            "WORLD_SIZE": str(len(crew.nodes)), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
            "TORCHELASTIC_USE_AGENT_STORE": "True", PARENT: str(os.getpid()), RUN_KEY: key,
        }  # fmt: skip
        for rank, node in enumerate(crew.nodes):
            env = {**os.environ, **common, "RANK": str(rank)}
            self.running[node] = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=env)

    def _look(self, store: Any, crew: Crew) -> None:
        """Take notice of ranks that ended. A rank that ends because another was lost has written that down before."""
        from fpmg_bench.transport import rendezvous

        ended = {node: code for node, process in self.running.items() if (code := process.poll()) is not None}
        self._follow(store, crew)
        for node, code in ended.items():
            if self.running.pop(node, None) and code != 0:
                rendezvous.declare(store, self.generation, node, _why(code))
                self._follow(store, crew)

    def _follow(self, store: Any, crew: Crew) -> None:
        """Do as the ranks do when one is lost: go on without it, and end its process, which may only be stopped; or raise."""
        from fpmg_bench.transport import rendezvous

        while (entry := rendezvous.lost(store, self.generation)) is not None:
            node, self.last = entry["node"], rendezvous.error(entry)
            left = [silo for silo in crew.nodes if silo >= 0 and silo != node and silo not in self.gone]
            if self.wire.on_dead == "stop" or not entry["dead"] or node < 0 or len(left) < 2:
                raise self.last
            self.gone.add(node)
            self.generation += 1
            if node in self.running:
                _end(self.running.pop(node))

    def _collect(self, crew: Crew, folder: RankFolder, sink: Sink) -> None:
        """Rounds that all ranks have left go to the sink."""
        from fpmg_bench.federation import assembly

        while (parts := folder.parts(crew.nodes, self.rounds, self.gone)) is not None:
            sink.round(assembly.whole(parts, self.gone))
            folder.drop(crew.nodes, self.rounds)
            self.rounds += 1


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _why(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
