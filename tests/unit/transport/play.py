"""One rank of the plays of `test_gloo_ranks.py`: python play.py RANK PORT FOLDER. Nodes: silos 0..3, then silo 4 or the server."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "federation"))

import torch
from fpmg_plugins.aggregators.centered_clipping import CenteredClipping
from fpmg_plugins.aggregators.coordinate_median import CoordinateMedian
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.topologies.cyclic import Cyclic
from fpmg_plugins.topologies.exponential import Exponential
from fpmg_plugins.topologies.full import Full
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star
from toys import Drift, FakeShard, held

from fpmg_bench.errors import SiloLost
from fpmg_bench.federation import Plan, SiloPlan, assembly, run
from fpmg_bench.spec import Stop
from fpmg_bench.store import pack
from fpmg_bench.transport.channel import Channel
from fpmg_bench.transport.gloo import Gloo
from fpmg_bench.transport.rendezvous import Rendezvous

SIZES = [10, 20, 30, 40, 50]
ROUNDS = 3
FIVE, FOUR, SERVED = [0, 1, 2, 3, 4], [0, 1, 2, 3], [0, 1, 2, 3, -1]
PLAYS = {
    "gossip": (Ring(relay=False), FedAvg(), FIVE),
    "handed on": (Ring(relay=False, hops=2, links="neighbours"), FedAvg(), FIVE),
    "relay": (Ring(), CenteredClipping(), FOUR),
    "star": (Star(), FedAvg(), SERVED),
    "masked": (Star(masked=True), FedAvg(), SERVED),
    "full": (Full(), CoordinateMedian(), FOUR),
    "exponential": (Exponential(), FedAvg(), FOUR),
    "cyclic": (Cyclic(), FedAvg(), FOUR),
    "checked relay": (Ring(), CenteredClipping(), FOUR),
    "checked star": (Star(masked=True), FedAvg(), SERVED),
    "relayed": (Ring(), CenteredClipping(), FOUR),
    "relayed by a server": (Star(), FedAvg(), SERVED),
}
RELAYED = Drift(travels={"b": "relay"})


class Dying(Drift):
    """Silo 1 kills itself in the training of round 1."""

    def train(self, state, shard, ctx):
        if ctx.silo == 1 and ctx.round == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().train(state, shard, ctx)


class Stuck(Drift):
    """Silo 3 takes for ever in round 1."""

    def train(self, state, shard, ctx):
        if ctx.silo == 3 and ctx.round == 1:
            time.sleep(8.0)
        return super().train(state, shard, ctx)


def connections() -> int:
    """Established TCP connections of this process to others, whatever their family."""
    mine = {os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")}
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/self/net/{name}").read_text().splitlines()[1:]]
    return sum(row[3] == "01" and f"socket:[{row[9]}]" in mine for row in rows)


def play(name, topology, aggregator, silos, node, transport=None, learner=None):
    """One stage; what this process's nodes have at its end, and the parts that it would leave."""
    seen = []
    here = [silo for silo in silos if silo >= 0 and (transport is None or silo == node)]
    plan = Plan(name, topology, aggregator, ROUNDS, {s: SiloPlan(2) for s in here}, seed=7)
    shards = {s: FakeShard(SIZES[s]) for s in here}
    asked = held(max(silos) + 1, Stop("loss", 0.01, every=2)) if name.startswith("checked") else None
    asked = asked and replace(asked, shards={s: asked.shards[s] for s in here})
    learner = learner or (RELAYED if name.startswith("relayed") else Drift())
    report = lambda record, now: seen.append(assembly.part(record, now))  # noqa: E731
    done = run(learner, None, shards, plan, report, transport, held=asked)
    return done, seen


def main(rank: int, port: int, folder: Path) -> None:
    torch.set_num_threads(1)
    node = [0, 1, 2, 3, 4][rank]
    meet = Rendezvous("127.0.0.1", port, node, rank, f"s{node}", channel=Channel(bytes(range(32))))
    for name, (topology, aggregator, silos) in PLAYS.items():
        me = -1 if silos is SERVED and rank == 4 else node
        if me in silos:
            meet.node = me
            transport = Gloo(meet, silos, me, deadline=60.0)
            done, seen = play(name, topology, aggregator, silos, me, transport)
            (folder / f"{name}.{me}").write_bytes(pack(done.states, reported(done, transport)))
            for number, (tree, note) in enumerate(seen):
                (folder / f"{name}.{me}.{number}").write_bytes(pack(tree, note))
        meet.generation += 1
    meet.node = node
    if rank < 4:
        closing_the_ring(meet, node, folder)
    if rank in (0, 2, 3):
        stopping(meet, node, folder)


def reported(done, transport):
    sent = {stage: counts for (stage, round), counts in transport.sent.items() if round < 0}
    models = sum(counts[0] for (stage, round), counts in transport.sent.items() if round >= 0)
    return {"statistics": list(sent.values()), "models": models, "connections": connections()}


def closing_the_ring(meet, node, folder):
    transport = Gloo(meet, FOUR, node, deadline=3600.0, close=True)  # a death is noticed, not waited for
    done, seen = play("closing", Ring(), CenteredClipping(), FOUR, node, transport, Dying())
    note = {"gone": {str(k): v for k, v in transport.gone.items()}}
    note["records"] = [part[1]["record"] for part in seen]
    (folder / f"closing.{node}").write_bytes(pack(done.states, note))


def stopping(meet, node, folder):
    meet.renew()
    transport = Gloo(meet, [0, 2, 3], node, deadline=3.0)
    try:
        play("stopping", Ring(), FedAvg(), [0, 2, 3], node, transport, Stuck())
    except SiloLost as lost:
        reported = {"node": lost.node, "text": str(lost)}
        (folder / f"stopping.{node}").write_text(json.dumps(reported))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    sys.stdout.flush()
    os._exit(0)
