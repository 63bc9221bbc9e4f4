"""One rank of a trial: `python -P -m fpmg_bench.runner.rank RUN KEY [gloo DEADLINE ON_DEAD]`, started by a trial or by torchrun.

RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT say where the others are; GLOO_SOCKET_IFNAME chooses the network interface, FPMG_RUN_KEY
seals what they tell each other: a must where they meet at another address than loopback.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from fpmg_bench.devices import settle
from fpmg_bench.errors import ExitCode, FpmgError, SiloLost, SuiteError
from fpmg_bench.runner.child import SINGLE_THREADED
from fpmg_bench.runner.one import build, die_with_parent, find
from fpmg_bench.runner.wire import Wire
from fpmg_bench.store import Planned, RankFolder, RankSink, RunDir

if TYPE_CHECKING:
    from fpmg_bench.transport.gloo import Gloo
    from fpmg_bench.transport.rendezvous import Rendezvous
    from fpmg_bench.trial.ranks import Crew

STORE = "TORCHELASTIC_USE_AGENT_STORE"  # whoever started the ranks serves the store


def main(arguments: list[str]) -> int:
    """RUN KEY and the words of a `Wire`. All output goes to stderr."""
    if len(arguments) not in (2, 5):
        sys.stderr.write("usage: python -P -m fpmg_bench.runner.rank RUN KEY [gloo DEADLINE ON_DEAD]\n")
        return ExitCode.USAGE
    for name, value in SINGLE_THREADED.items():
        os.environ.setdefault(name, value)
    die_with_parent()
    run, wire = RunDir(Path(arguments[0])), Wire.of(arguments[2:])
    try:
        _train(run, find(run, arguments[1]), wire)
    except FpmgError as error:
        sys.stderr.write(f"rank {os.environ.get('RANK')}: {error}\n")
        return error.exit_code
    return ExitCode.OK


def _train(run: RunDir, trial: Planned, wire: Wire) -> None:
    import torch

    from fpmg_bench.federation import assembly
    from fpmg_bench.registry import Registry
    from fpmg_bench.trial.ranks import run_rank

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    meet: list[Rendezvous] = []
    folder = RankFolder(run.trial(trial.key) / "ranks")
    sink = RankSink(folder, 0, {}, assembly.part)

    def join(crew: Crew) -> Gloo:
        transport = _joined(crew, wire, meet)
        sink.node = transport.node
        sink.head = {"key": trial.key, "session": transport.meet.session, "node": transport.node}
        return transport

    try:
        parts = build(trial.spec, Registry.discover())
        settle(parts.device)
        run_rank(trial.spec, parts, sink, join)
    except SiloLost:
        raise
    except Exception as error:
        traceback.print_exc()
        if meet:
            raise meet[0].declare(meet[0].node, f"{type(error).__name__}: {error}", dead=False) from error
        raise


def _joined(crew: Crew, wire: Wire, meet: list[Rendezvous]) -> Gloo:
    from fpmg_bench.transport.channel import MAKE, RUN_KEY, Channel, loopback
    from fpmg_bench.transport.gloo import Gloo
    from fpmg_bench.transport.rendezvous import Rendezvous

    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if world != len(crew.nodes):
        named = ", ".join(crew.names.values())
        raise SuiteError(f"{world} ranks for {len(crew.nodes)} nodes: {named}", f"start {len(crew.nodes)} ranks")
    node = crew.nodes[rank]
    host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    serve = rank == 0 and os.environ.get(STORE) != "True"
    channel = Channel.of_environment()
    if channel is None and not loopback(host):
        raise SuiteError(
            f"ranks meet at {host}, and nothing protects what they send each other: {RUN_KEY} is not set",
            f"set it to the same 64 hexadecimal digits on every host: {MAKE}",
        )
    meet.append(Rendezvous(host, port, node, rank, crew.names[node], serve=serve, channel=channel))
    return Gloo(meet[0], crew.nodes, node, wire.deadline, os.environ.get("GLOO_SOCKET_IFNAME", ""), wire.on_dead == "close-ring")


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
