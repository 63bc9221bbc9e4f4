"""One FedAvg GAN in this engine and in Flower's simulation: equal weights, seconds a round. `python flower.py`, prints JSON.

Beside them the bare training: the same steps of all silos in a loop, nothing sent, nothing merged.

Wants flwr[simulation], torch, pluggy, annotated-types, psutil and this checkout on PYTHONPATH. Of two cores Flower takes both, as one actor
(its default) or as two; this engine is one thread.
"""

import json
import logging
import os
import statistics
import sys
import time
from functools import partial

os.environ |= {"OMP_NUM_THREADS": "1", "FLWR_TELEMETRY_ENABLED": "0", "RAY_USAGE_STATS_ENABLED": "0"}

import psutil
import small_gan as gan
from flwr.app import ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from flwr.app import Message as Reply
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg as FlowerFedAvg
from flwr.simulation import run_simulation
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.topologies.star import Star

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.types import Update

WARM_UP, ROUNDS, REPEATS = 2, 6, 2
LOADS = {"10 ms": 0.010, "200 ms": 0.200}  # processor time of local training, a silo and round
SAME = 1e-6
BARE = "bare training"
ACTORS = {"flower, as shipped": 2, "flower, two actors": 1}  # cores an actor takes, of two


class Gan:
    """The same GAN as a learner."""

    rounds = None

    def statistics(self, schema, shard, ctx):
        return {}

    def init(self, schema, stats, rng):
        return gan.start()

    def train(self, state, shard, ctx):
        return Update(gan.train(state, ctx.silo, ctx.round, ctx.steps), shard.patients)  # its "steps" are the batch


class Patients:
    """A silo as the loop sees it; its rows are the GAN's own."""

    def __init__(self, silo):
        self.patients = gan.PATIENTS[silo]

    def begin(self, root, *path):
        return self


def clock():
    """Seconds that have passed, and processor seconds of this process and all that it started."""
    times = [process.cpu_times() for process in psutil.Process().children(recursive=True)]  # in hundredths
    return time.perf_counter(), time.process_time() + sum(each.user + each.system for each in times)


def ours(batch, rounds):
    """Weights and clock after each round."""
    ends, states = [clock()], []

    def report(record, now):
        ends.append(clock())
        states.append(now.states[0])

    plan = Plan("peer", Star(), FedAvg(), rounds, {i: SiloPlan(batch) for i in range(gan.SILOS)}, 0)
    run(Gan(), None, {i: Patients(i) for i in range(gan.SILOS)}, plan, report)
    return states, ends


def bare(batch, rounds):
    """The silos' training alone, round after round: its clock."""
    ends, state = [clock()], gan.start()
    for round in range(rounds):
        for silo in range(gan.SILOS):
            gan.train(state, silo, round, batch)
        ends.append(clock())
    return ends


def client():
    """Flower's side of a silo: sends the whole state and the number of patients."""
    app = ClientApp()

    @app.train()
    def train(message, context):
        sent, silo = message.content, int(context.node_config["partition-id"])
        config = sent["config"]
        state = gan.train(sent["arrays"].to_torch_state_dict(), silo, config["server-round"] - 1, config["batch"])
        metrics = MetricRecord({"num-examples": gan.PATIENTS[silo]})
        return Reply(RecordDict({"arrays": ArrayRecord(state), "metrics": metrics}), reply_to=message)

    return app


def theirs(cores, batch, rounds):
    """Weights and clock after each round."""
    ends, states, server = [], [], ServerApp()

    @server.main()
    def main(grid, context):
        def after(round, arrays):
            ends.append(clock())
            states.append(arrays)

        everyone = {"min_train_nodes": gan.SILOS, "min_available_nodes": gan.SILOS}
        strategy = FlowerFedAvg(fraction_evaluate=0.0, **everyone)
        config = ConfigRecord({"batch": batch})
        strategy.start(grid, ArrayRecord(gan.start()), num_rounds=rounds, train_config=config, evaluate_fn=after)

    backend = {"init_args": {"num_cpus": 2}, "client_resources": {"num_cpus": cores, "num_gpus": 0.0}}
    run_simulation(server, client(), num_supernodes=gan.SILOS, backend_config=backend)
    return [arrays.to_torch_state_dict() for arrays in states[1:]], ends


def apart(one, other):
    """The largest relative distance between two states, tensor by tensor."""
    assert one.keys() == other.keys()
    return max(float((one[key] - other[key]).norm() / other[key].norm()) for key in one)


def batch_for(seconds):
    """Batch whose local round takes so much processor time, by the fastest of a few tries: others may use this machine."""

    def took(batch):
        began = time.process_time()
        gan.train(gan.start(), 0, 0, batch)
        return time.process_time() - began

    small, large = (min(took(batch) for _ in range(9)) for batch in (8, 1032))
    return max(round((seconds - small) / (large - small) * 1024) + 8, 8)


def spent(ends):
    """[rounds] pairs of seconds: passed, and of the processor. Without the rounds of the warm-up."""
    return [
        (after[0] - before[0], after[1] - before[1]) for before, after in zip(ends[WARM_UP:-1], ends[WARM_UP + 1 :], strict=True)
    ]


def measured(seconds):
    """Both engines in turns on the same load, Flower with both its numbers of actors: medians of what passed, means of what was worked."""
    batch, rounds = batch_for(seconds), WARM_UP + ROUNDS
    engines = {"fpmg-bench": ours} | {name: partial(theirs, cores) for name, cores in ACTORS.items()}
    times, distance = {name: [] for name in (BARE, *engines)}, 0.0
    for _ in range(REPEATS):
        states = {}
        times[BARE] += spent(bare(batch, rounds))
        for name, engine in engines.items():
            states[name], ends = engine(batch, rounds)
            assert len(states[name]) == rounds
            times[name] += spent(ends)
        reference = states.pop("fpmg-bench")
        distance = max(distance, *(apart(x, y) for each in states.values() for x, y in zip(reference, each, strict=True)))
    assert distance < SAME, f"weights differ by {distance}"
    passed = {name: statistics.median(each[0] for each in all) for name, all in times.items()}
    worked = {name: statistics.fmean(each[1] for each in all) for name, all in times.items()}  # a median of ticks is a tick
    over = {name: worked[name] / worked[BARE] for name in engines}
    return {"batch": batch, "seconds a round": passed, "processor seconds": worked, "over bare training": over, "apart": distance}


def main():
    logging.getLogger("flwr").setLevel(logging.ERROR)
    parameters = sum(value.numel() for value in gan.start().values())
    found = {}
    for load, seconds in LOADS.items():
        found[load] = measured(seconds)
        print(load, found[load], file=sys.stderr)
    print(json.dumps({"parameters": parameters, "load of the machine": os.getloadavg()[0], **found}))


if __name__ == "__main__":
    main()
