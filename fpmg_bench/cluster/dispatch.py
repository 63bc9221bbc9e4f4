"""The runner's side: scenes out, trials in. It alone writes the run directory; Dask decides where each scene runs."""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from fpmg_bench.cluster import travel
from fpmg_bench.cluster.scenes import Scene, scenes
from fpmg_bench.cluster.session import Session, Unreachable
from fpmg_bench.document import plural
from fpmg_bench.errors import FpmgError, PluginError
from fpmg_bench.runner import RunPlan, Wire, remaining, seconds_by_method
from fpmg_bench.runner.execute import Tell, interruptible
from fpmg_bench.store import Planned, RunDir, chosen, plain, read_json, write_json

if TYPE_CHECKING:
    from distributed import Future

POLL = 0.1  # seconds between looks at the scheduler
RETURN = 180.0  # seconds that a scheduler which has gone is waited for
LONELY = 10.0  # seconds without a worker before it is said
TRIES = 2  # workers that a scene may be lost with


@dataclass(slots=True)
class Dispatch:
    """The work on some trials of one plan. status: key -> how it ended; flying: scenes that Dask has; begun: ids told as started.

    used: CPU seconds on workers that are no trial's; lost: trials that were started again.
    """

    run: RunDir
    made: RunPlan
    tell: Tell
    session: Session
    wire: Wire
    waiting: list[Scene]
    arrivals: travel.Arrivals
    trials: Mapping[str, Planned]
    status: dict[str, str] = field(default_factory=dict)
    used: dict[str, float] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    flying: dict[Future[str], Scene] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    total: int = 0
    slots: int = 1
    _seen: float = field(default_factory=time.monotonic)

    @classmethod
    def of(
        cls,
        run: RunDir,
        trials: Sequence[Planned],
        made: RunPlan,
        tell: Tell,
        session: Session,
        slots: int,
        wire: Wire,
    ) -> Dispatch:
        """Nothing is handed out before the call."""
        parts = scenes(trials, slots)
        names = {f"trials/{trial.key}" for trial in trials} | {f"stage1/{trial.stage1}" for trial in trials if trial.stage1}
        by_id = {trial.id: trial for scene in parts for trial in scene.trials}
        arrivals = travel.Arrivals(run.root, names)
        return cls(run, made, tell, session, wire, parts, arrivals, by_id, total=len(by_id), slots=slots)

    @property
    def running(self) -> list[Scene]:
        """Scenes that a worker has begun."""
        return [scene for scene in self.flying.values() if scene.begun]

    def __call__(self) -> bool:
        """Run all. False if interrupted, or the scheduler did not come back: what came back stays, the workers' processes end.

        Raises PluginError where every worker has other versions.
        """
        try:
            with interruptible():
                while self.waiting or self.flying:
                    try:
                        self._turn()
                    except Unreachable as error:
                        if not self._returned(error):
                            return False
        except KeyboardInterrupt:
            return False
        finally:
            self._stop()
        return True

    def _turn(self) -> None:
        self.session.check()
        self._hand_out()
        done = [future for future in self.flying if future.done()]
        got = self.session.received()  # after `done`: all that a finished task has sent is among it
        for message in got:
            self._receive(message)
        if any(future.status == "cancelled" for future in done):
            raise Unreachable("the scheduler has forgotten a scene")
        for future in done:
            self._settle(future, self.flying.pop(future))
        if not got:
            time.sleep(POLL)

    def _hand_out(self) -> None:
        """One scene a slot, and as many that wait there: a worker never idles, an elastic cluster sees that more is to be done."""
        if self.made.suite.limits.on_error == "stop" and any(status != "ok" for status in self.status.values()):
            self.waiting.clear()
            self._recall([future for future, scene in self.flying.items() if not scene.begun])
        workers = self._workers()
        self._free(workers)
        self.slots = max(1, sum(workers.values()))
        while self.waiting and len(self.flying) < 2 * self.slots:
            scene = self.waiting.pop(0)
            scene.begun, scene.ticket = False, self.session.ticket()
            brief, bundle = self._brief(scene), self._bundle(scene)
            scene.only = tuple(workers) if self.refused else None
            self.flying[self.session.submit(brief, bundle, scene.only)] = scene

    def _free(self, workers: Mapping[str, int]) -> None:
        """Scenes that may only run on workers of which none is left."""
        stranded = [future for future, scene in self.flying.items() if scene.only and not {*scene.only} & {*workers}]
        found = [self.flying[future] for future in stranded]
        self._recall(stranded)
        for scene in found:
            if scene.begun:
                self._lose(scene, scene.worker, "it went away")
            else:
                self.waiting.insert(0, scene)

    def _workers(self) -> dict[str, int]:
        """Those that may get scenes. Raises PluginError where all that are there were refused; says so where none is there."""
        found = self.session.workers()
        good = {address: threads for address, threads in found.items() if address not in self.refused}
        if found and not good:
            raise PluginError("\n".join(self.refused.values()), "install the same versions on the workers, with the same data")
        if found:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > LONELY:
            self._seen = float("inf")
            self._note(f"no worker at {self.session.address} yet; `fpmg-bench worker {self.session.address}` starts one")
        return good

    def _brief(self, scene: Scene) -> dict[str, Any]:
        specs = [trial.spec for trial in scene.trials]
        names = {f"stage1/{trial.stage1}" for trial in scene.trials if trial.stage1 and self.run.stage1_ready(trial.stage1)}
        about = [sorted({*chosen(spec)}) for spec in specs] + [asdict(spec.dataset) for spec in specs]
        found: dict[str, Any] = plain({
            "ticket": scene.ticket,
            "suite": self.made.suite.name,
            "trials": [trial.to_json() for trial in scene.trials],
            "preimages": {trial.key: self.made.preimages[trial.key] for trial in scene.trials},
            "about": about,
            "wire": self.wire.words(),
            "isolate": self.wire.isolate,
            "memory": self.made.suite.limits.memory,
            "stop": self.made.suite.limits.on_error == "stop",
            "sent": sorted(names),
        })  # fmt: skip
        return found

    def _bundle(self, scene: Scene) -> bytes:
        """What is here of the scene's trials already: half-finished ones, and stage 1 where it is shared."""
        folders = {f"trials/{trial.key}": self.run.trial(trial.key) for trial in scene.trials}
        folders |= {f"stage1/{t.stage1}": self.run.stage1(t.stage1) for t in scene.trials if t.stage1}
        there = {name: folder for name, folder in folders.items() if folder.is_dir()}
        file = io.BytesIO()
        if there:
            travel.pack(there, file, travel.REBUILT)
        return file.getvalue()

    def _receive(self, message: Mapping[str, Any]) -> None:
        scene = next((scene for scene in self.flying.values() if scene.ticket == message["ticket"]), None)
        sender = f"scene {message['ticket']}"
        if "data" in message:
            self._arrive(sender, message, scene)
        elif "events" in message:
            for event in json.loads(message["events"]):
                self._spend(event) if event["event"] == "costs" else self._follow(event, scene)
        elif scene is not None:
            scene.begun, scene.worker = True, str(message["begin"])

    def _arrive(self, sender: str, message: Mapping[str, Any], scene: Scene | None) -> None:
        """A trial that is finished already (of a worker that was thought lost) is not replaced: the same key means the same bits."""
        kind, _, key = str(message["name"]).partition("/")
        try:
            arrived = self.arrivals.take(sender, message)
        except FpmgError as error:
            self._note(f"{error}; not taken")
            return
        if arrived is None:
            return
        if key in self.status:
            shutil.rmtree(arrived.parents[1])
            return
        if kind == "trials" and scene is not None:
            _sign(arrived, scene)
        travel.settle(arrived, self.run.root / kind / key)

    def _follow(self, event: dict[str, Any], scene: Scene | None) -> None:
        """Events go on as if the trial ran here; an end counts where the trial's folder is there."""
        id = event.get("trial")
        trial = self.trials.get(id) if id else None
        if trial is None or trial.key in self.status:
            return
        if event["event"] == "end":
            if self.run.result(trial.key) is not None:
                self._end(trial, event)
        elif scene is not None and (event["event"] != "start" or id not in self.begun):
            self._begin(trial.id)
            if event["event"] != "start":
                self.tell(event)

    def _spend(self, costs: Mapping[str, Any]) -> None:
        """What a scene used besides its trials, and which of them it started again."""
        self.lost += costs["again"]
        for name, seconds in costs["cpu"].items():
            self.used[name] = self.used.get(name, 0.0) + float(seconds)

    def _begin(self, id: str) -> None:
        if id not in self.begun:
            self.begun.add(id)
            self.tell({"event": "start", "trial": id})

    def _end(self, trial: Planned, event: dict[str, Any]) -> None:
        self._begin(trial.id)
        self.status[trial.key] = str(event["status"])
        self.tell(event)
        left = [t for t in self.trials.values() if t.key not in self.status]
        eta = remaining(left, seconds_by_method(self.run), self.slots, self.run.stage1_ready)
        self.tell({"event": "progress", "done": len(self.status), "total": self.total, "eta": eta})

    def _settle(self, future: Future[str], scene: Scene) -> None:
        """A task that is over: well, refused, or with its worker."""
        if future.status == "error":
            error = future.exception()
            self._lose(scene, scene.worker or "a worker", f"{type(error).__name__}: {error}")
            return
        told = json.loads(future.result())
        if "refused" in told:
            self._refuse(scene, told)
        elif "lost" in told:
            self._lose(scene, f"{told['lost']['worker']}", "it went away")
        elif self._left(scene) and not scene_stopped(self.made, self.status):
            self._lose(scene, told["worker"], "it ended without all of its trials")

    def _left(self, scene: Scene) -> list[Planned]:
        return [trial for trial in scene.trials if trial.key not in self.status]

    def _refuse(self, scene: Scene, told: Mapping[str, Any]) -> None:
        """Other versions would give other numbers under the same key."""
        text = f"worker {told['worker']} ({told['address']}) gets no trial, planned -> there: {'; '.join(told['refused'])}"
        if told["address"] not in self.refused:
            self.refused[str(told["address"])] = text
            self._note(text)
        self.waiting.insert(0, scene)

    def _lose(self, scene: Scene, worker: str, why: str) -> None:
        """Once elsewhere, and no more: what ends two workers would end the next."""
        scene.trials = self._left(scene)
        scene.lost.append(worker)
        if not scene.trials:
            return
        told = f"{plural(len(scene.trials), 'trial')} lost with worker {worker} ({why})"
        if len(scene.lost) < TRIES:
            self.lost += [trial.id for trial in scene.trials]
            self._note(f"{told}: again elsewhere: {', '.join(trial.id for trial in scene.trials)}")
            self.waiting.insert(0, scene)
            return
        for trial in scene.trials:
            reason = f"{told}; before with {', '.join(scene.lost[:-1])}"
            self.run.write_result(trial, {"status": "failed", "reason": reason, "where": "worker", "ran": _ran(scene)})
            self._end(
                trial,
                {"event": "end", "trial": trial.id, "status": "failed", "reason": reason, "where": "worker", "seconds": 0.0},
            )

    def _returned(self, error: Unreachable) -> bool:
        """Whether the scheduler came back in time; then all that it had is handed out again."""
        self._note(f"the scheduler {self.session.address} has gone ({error}); waiting up to {RETURN:g} s for it")
        self.waiting = [scene for scene in (*self.flying.values(), *self.waiting) if self._left(scene)]
        self.flying.clear()
        for scene in self.waiting:
            scene.trials = self._left(scene)
        until = time.monotonic() + RETURN
        while (left := until - time.monotonic()) > 0:
            try:
                self.session.connect(left)
            except Unreachable:
                time.sleep(POLL)
                continue
            self._note("the scheduler is back")
            return True
        self._note("the scheduler did not come back; what came back from it stays, and the same command goes on")
        return False

    def _recall(self, futures: Sequence[Future[str]]) -> None:
        self.session.cancel(futures)
        for future in futures:
            del self.flying[future]

    def _stop(self) -> None:
        """Nothing is left on the workers."""
        try:
            for message in self.session.received() if self.flying else ():  # what has ended meanwhile
                self._receive(message)
            self._recall(list(self.flying))
        except Unreachable:
            self.flying.clear()  # the scheduler forgets whom it cannot reach, and the workers follow
        finally:
            self.arrivals.close()

    def _note(self, text: str) -> None:
        self.tell({"event": "note", "text": text})


def scene_stopped(made: RunPlan, status: Mapping[str, str]) -> bool:
    """Whether a scene may end before its trials: one failed, and the suite says that it is to stop."""
    return made.suite.limits.on_error == "stop" and any(each != "ok" for each in status.values())


def _ran(scene: Scene) -> dict[str, Any]:
    return {"worker": scene.worker, "lost": list(scene.lost)}


def _sign(folder: Any, scene: Scene) -> None:
    """Who ran it, in trial.json."""
    result = read_json(folder / "trial.json")
    if result:
        write_json(folder / "trial.json", result | {"ran": _ran(scene)})
