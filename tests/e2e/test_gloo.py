"""A trial whose silos are processes: the model, the rounds and the scores of one process; a refusal with its way out."""

import json
import sys

import pytest
import torch

from fpmg_bench import runner
from fpmg_bench.registry import Registry
from fpmg_bench.runner.one import build, by_ranks
from fpmg_bench.runner.ranks import Ranks
from fpmg_bench.store import RunDir, TrialSink, read_rounds, unpack
from fpmg_bench.trial import run_trial
from fpmg_bench.trial.release import fingerprint

SUITE = """version: 1
name: joined
seeds: [0]
datasets: [{name: phantom, patients: 90, silos: 3, modalities: [table]}]
partition: natural
budget: {rounds: 2, local_steps: 2, sampling_rate: 0.3, encoder_rounds: 1}
methods:
  ring: {encoders: {table: autoencoder}, generator: parallel-cgan, topology: ring, aggregator: centered-clipping}
  faulty: {extends: ring, faults: [{kind: crash, silos: 1, from: 1}]}
metrics: [fc, dg]
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gloo over TCP is tested on POSIX")


def trial(folder, out):
    (file,) = (folder / out / "trials").glob("*/trial.json")
    tree, _ = unpack((file.parent / "state.safetensors").read_bytes())
    hashes = {silo: fingerprint(model) for silo, model in tree.items()}
    untimed = {"seconds", "merge_seconds", "headers"}
    rounds = [{k: v for k, v in record.items() if k not in untimed} for record in read_rounds(file.parent / "rounds.jsonl")]
    return json.loads(file.read_text()), hashes, rounds


@pytest.fixture(scope="module")
def joined(tmp_path_factory):
    """The ring in one process, in two, and the plan without what two cannot do."""
    folder, registry, wire = tmp_path_factory.mktemp("joined"), Registry.discover(), runner.Wire("gloo")
    (folder / "joined.yaml").write_text(SUITE)
    torch.set_num_threads(1)
    for out in ("one", "two"):
        run = RunDir(folder / out)
        made = runner.plan(folder / "joined.yaml", registry, only="ring", out=run.root)
        planned = made.trials[0] if made.trials[0].id in made.selected else made.trials[1]
        train = by_ranks(Ranks(run, planned, wire)) if out == "two" else None
        parts = build(planned.spec, registry)
        run_trial(planned.spec, parts, TrialSink(run, planned, True, lambda event: None), train)
    left = runner.joined(runner.plan(folder / "joined.yaml", registry), RunDir(folder / "three"), registry, wire)
    return trial(folder, "one"), trial(folder, "two"), left


def test_the_released_weights_have_the_hash_of_one_process(joined):
    assert len(joined[0][1]) == 3
    assert joined[0][1] == joined[1][1]


def test_rounds_scores_and_plumbing_are_those_of_one_process(joined):
    (one, _, rounds), (two, _, again), _ = joined
    assert len(rounds) == 3
    assert rounds == again
    for entry in ("scores", "plumbing", "split", "silos"):
        assert one[entry] == two[entry]


def test_trial_json_says_how_silos_were_joined_and_what_was_really_sent(joined):
    (one, *_), (two, *_), _ = joined
    assert one["transport"] == {"kind": "inproc"}
    sent = two["transport"]
    assert (sent["kind"], sent["ranks"], sent["on_dead"], sent["repeated_bytes"]) == ("gloo", 3, "stop", 0)
    assert sent["payload_bytes"] == two["bytes"]["total"] == one["bytes"]["total"]
    sealed = 64 + 28  # a nonce and a tag
    assert sent["header_bytes"] == sealed * sent["messages"] == sealed * two["bytes"]["messages"]


def test_what_ranks_cannot_do_is_refused_with_a_way_out(joined):
    (refused,) = joined[2].refusals
    assert refused.id == "phantom/faulty/0" and joined[2].selected == {"phantom/ring/0"}
    assert "faults are simulated in one process" in refused.reason
    assert "--transport inproc" in refused.reason
