"""Five processes play the round loop over gloo, once for all tests: the same bits as one process, bytes, sockets, a death, a late silo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

import play

from fpmg_bench.federation import assembly
from fpmg_bench.store import unpack
from fpmg_bench.transport.rendezvous import connect

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts sockets in /proc")


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The folder with what the ranks left, and what they printed."""
    folder = tmp_path_factory.mktemp("ranks")
    store = connect("127.0.0.1", 0, serve=True)
    words = [sys.executable, "-P", str(Path(play.__file__))]
    ranks = [
        subprocess.Popen(
            [*words, str(rank), str(store.port), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for rank in range(5)
    ]
    try:
        printed = [process.communicate(timeout=300)[0] for process in ranks]
    finally:
        for process in ranks:
            process.kill()
    codes = [process.returncode for process in ranks]
    assert codes == [0, -9, 0, 0, 0], "\n".join(printed)
    return folder, printed


def left(folder, name, node, *number):
    return unpack((folder / ".".join(map(str, (name, node, *number)))).read_bytes())


@pytest.mark.parametrize("name", play.PLAYS)
def test_every_rank_ends_with_the_bits_of_one_process(played, name):
    topology, aggregator, silos = play.PLAYS[name]
    done, _ = play.play(name, topology, aggregator, silos, None)
    for silo in (s for s in silos if s >= 0):
        state = left(played[0], name, silo)[0][silo]
        assert state.keys() == done.states[silo].keys()
        assert all(torch.equal(state[key], value) for key, value in done.states[silo].items())


@pytest.mark.parametrize("name", play.PLAYS)
def test_round_records_are_those_of_one_process(played, name):
    topology, aggregator, silos = play.PLAYS[name]
    _, seen = play.play(name, topology, aggregator, silos, None)
    for number, (_, note) in enumerate(seen):
        whole = assembly.whole({node: left(played[0], name, node, number) for node in silos})
        for key in set(note["record"]) - {"seconds", "merge_seconds", "headers"}:
            assert json.dumps(whole[key], sort_keys=True) == json.dumps(note["record"][key], sort_keys=True), key


@pytest.mark.parametrize("name", play.PLAYS)
def test_counted_bytes_are_those_that_were_handed_to_gloo(played, name):
    topology, aggregator, silos = play.PLAYS[name]
    done, seen = play.play(name, topology, aggregator, silos, None)
    notes = [left(played[0], name, node)[1] for node in silos]
    sums = [counts for note in notes for counts in note["statistics"]]
    assert sum(note["models"] for note in notes) == sum(note["record"]["bytes"] for _, note in seen) > 0
    assert sum(counts[0] for counts in sums) == done.statistics_bytes + done.key_bytes > done.key_bytes > 0
    assert sum(counts[2] for counts in sums) == done.statistics_messages + done.key_messages


def test_a_silo_of_a_ring_of_five_has_sockets_to_two_neighbours_and_two_to_the_store(played):
    assert [left(played[0], "gossip", node)[1]["connections"] for node in range(5)] == [4] * 5


def test_the_ring_closes_over_a_silo_that_was_killed(played):
    folder, _ = played
    found = {node: left(folder, "closing", node) for node in (0, 2, 3)}
    for node, (tree, note) in found.items():
        assert note["gone"] == {"1": "closing, round 0"} or note["gone"] == {"1": "closing, round 1"}, note
        assert [len(record["sent"]) for record in note["records"]] == [1, 1, 1]
        first = found[0][0][0]
        assert all(torch.equal(tree[node][key], value) for key, value in first.items())
    sent = [sum(note["records"][round]["bytes"] for _, note in found.values()) for round in range(3)]
    model = 2 * 5 * 4  # two modules of five float32
    assert sent == [3 * 3 * model, 3 * 2 * model, 3 * 2 * model]


def test_who_is_late_is_named_by_all_and_nobody_who_waits_for_it(played):
    found = [json.loads((played[0] / f"stopping.{node}").read_text()) for node in (0, 2, 3)]
    assert [reported["node"] for reported in found] == [3, 3, 3], found
    assert all(
        "s3 (rank 3, pid" in reported["text"] and "within the deadline of 3 s" in reported["text"] for reported in found
    ), found


def test_no_rank_is_left_behind(played):
    lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True, env=dict(os.environ)).stdout
    assert str(played[0]) not in lines
