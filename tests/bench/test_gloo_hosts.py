"""Two silos in network namespaces of their own, as on two hosts: the same bits; and a cable that is pulled is noticed."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import torch

PLAY = Path(__file__).parents[1] / "unit" / "transport"
sys.path.insert(0, str(PLAY))

import play  # noqa: E402 - found by the path above

from fpmg_bench.store import unpack  # noqa: E402

RANK = """
import os, sys, json, time
from pathlib import Path
sys.path.insert(0, {play!r})
import play
from fpmg_bench.errors import SiloLost
from fpmg_bench.store import pack
from fpmg_bench.transport.gloo import Gloo
from fpmg_bench.transport import rendezvous
from fpmg_bench.transport.rendezvous import Rendezvous
rendezvous.CUT_OFF = 12.0
rank, folder = int(sys.argv[1]), Path(sys.argv[2])
meet = Rendezvous("10.77.0.1", 29511, rank, rank, f"s{{rank}}", serve=rank == 0)
transport = Gloo(meet, [0, 1], rank, 60.0, interface="fpmg")
done, _ = play.play("hosts", play.Ring(), play.FedAvg(), [0, 1], rank, transport)
(folder / f"hosts.{{rank}}").write_bytes(pack(done.states, {{}}))
class Pulled(play.Drift):
    def train(self, state, shard, ctx):
        if ctx.round == 1 and rank == 0:
            os.system("ip link set fpmg down")
        return super().train(state, shard, ctx)
transport = None
meet.renew()
transport = Gloo(meet, [0, 1], rank, 6.0, interface="fpmg")
began = time.time()
try:
    play.play("pulled", play.Ring(), play.FedAvg(), [0, 1], rank, transport, Pulled())
except SiloLost as lost:
    (folder / f"pulled.{{rank}}").write_text(json.dumps([str(lost), time.time() - began]))
sys.stdout.flush()
os._exit(0)
"""


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def hosts():
    """Two namespaces joined by a cable, 10.77.0.1 and 10.77.0.2; both ends are called fpmg."""
    mark = uuid.uuid4().hex[:6]
    names = [f"fpmg-{mark}-{i}" for i in range(2)]
    if not sys.platform.startswith("linux") or any(ip("netns", "add", name).returncode for name in names):
        for name in names:
            ip("netns", "del", name)
        pytest.skip("this machine does not let us make network namespaces")
    joined = ip("link", "add", "fpmg", "netns", names[0], "type", "veth", "peer", "name", "fpmg", "netns", names[1])
    for i, name in enumerate(names):
        ip("-n", name, "addr", "add", f"10.77.0.{i + 1}/24", "dev", "fpmg")
        ip("-n", name, "link", "set", "fpmg", "up")
        ip("-n", name, "link", "set", "lo", "up")
    if joined.returncode:
        for name in names:
            ip("netns", "del", name)
        pytest.skip(f"no virtual cable between network namespaces: {joined.stderr.strip()}")
    yield names
    for name in names:
        ip("netns", "del", name)


def test_silos_in_two_network_namespaces_end_with_the_bits_of_one_process(hosts, tmp_path, bar):
    (tmp_path / "rank.py").write_text(RANK.format(play=str(PLAY)))
    words = [sys.executable, str(tmp_path / "rank.py")]
    ranks = [
        subprocess.Popen(
            ["ip", "netns", "exec", name, *words, str(rank), str(tmp_path)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ),
        )
        for rank, name in enumerate(hosts)
    ]  # fmt: skip
    try:
        printed = [process.communicate(timeout=120)[0] for process in ranks]
    finally:
        for process in ranks:
            process.kill()
    done, _ = play.play("hosts", play.Ring(), play.FedAvg(), [0, 1], None)
    for rank in range(2):
        state = unpack((tmp_path / f"hosts.{rank}").read_bytes())[0][rank]
        assert all(torch.equal(state[key], value) for key, value in done.states[rank].items()), printed
    reported = json.loads((tmp_path / "pulled.0").read_text())
    assert "s1 (rank 1, pid" in reported[0], reported
    bar("seconds until the loss was told", reported[1], 30)
    assert ranks[1].returncode == 1 and "has not answered for 12 s" in printed[1]  # it cannot tell anybody, and ends
