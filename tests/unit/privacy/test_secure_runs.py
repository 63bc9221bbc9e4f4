"""Trials under `secure: true`: nobody finds their noise in the run directory, and who resumes them sends what was sent."""

import secrets
import stat
from hashlib import sha256

import pytest

from fpmg_bench import runner
from fpmg_bench.errors import PrivacyError
from fpmg_bench.federation.training import Training
from fpmg_bench.registry import Registry
from fpmg_bench.runner.one import build
from fpmg_bench.store import RunDir, TrialSink, read_json
from fpmg_bench.trial import run_trial

SUITE = """
version: 1
name: secure
seeds: [0]
datasets: [{name: phantom, patients: 160, silos: 2, modalities: [table]}]
partition: natural
budget: {rounds: 3, local_steps: 2, sampling_rate: 0.2, encoder_rounds: 0}
methods:
  told:
    encoders: {table: {name: frozen, dim: 8}}
    generator: {name: parallel-cgan, hidden: 16}
    topology: ring
    aggregator: fedavg
    privacy: {epsilon: 8, delta: 1.0e-5, secure: true}
metrics: [fc]
"""


class Dies(Exception):
    """kill -9 after a round's messages have left."""


class Mortal(TrialSink):
    """Dies once the second round of stage 2 has been exchanged."""

    def round(self, record):
        if (record["stage"], record["round"]) == ("stage2", 1):
            raise Dies
        TrialSink.round(self, record)


@pytest.fixture
def planned(tmp_path):
    (tmp_path / "suite.yaml").write_text(SUITE)
    runner.plan(tmp_path / "suite.yaml", Registry.discover(), out=tmp_path / "out")
    place = RunDir(tmp_path / "out")
    return place, place.trials()[0]


@pytest.fixture
def sent(monkeypatch):
    """(stage, round, silo) -> digests of what was trained there, in the order in which it was."""
    found = {}
    train = Training.__call__

    def watched(self, silo, state=None):
        trained = train(self, silo, state)
        numbers = b"".join(t.numpy().tobytes() for t in trained.values())
        found.setdefault((self.stage.plan.stage, self.now.round, silo), []).append(sha256(numbers).hexdigest())
        return trained

    monkeypatch.setattr(Training, "__call__", watched)
    return found


def go(place, trial, sink=TrialSink, every=1e9):
    run_trial(trial.spec, build(trial.spec, Registry.discover()), sink(place, trial, True, lambda event: None, every))


@pytest.mark.parametrize("every", [0.0, 1e9])
def test_a_resumed_silo_sends_the_same_bytes_and_is_charged_once(planned, sent, every):
    place, trial = planned
    with pytest.raises(Dies):
        go(place, trial, Mortal, every)
    file = place.trial(trial.key) / "noise.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and read_json(file)["charged"]
    go(place, trial, every=every)
    again = {at: digests for at, digests in sent.items() if len(digests) == 2}
    assert ("stage2", 1, 0) in again and all(first == second for first, second in again.values())
    entries = [entry for silo in read_json(file.parent / "ledger.json")["silos"] for entry in silo["entries"]]
    assert [entry["count"] for entry in entries if (entry["stage"], entry["mechanism"]) == ("stage2", "step")] == [6, 6]
    assert read_json(file)["released"] and "key" not in read_json(file)


def test_noise_is_not_derivable_from_the_run_directory(planned, sent, monkeypatch):
    place, trial = planned
    keys, token = [], secrets.token_hex
    monkeypatch.setattr(secrets, "token_hex", lambda n: keys.append(token(n)) or keys[-1])
    go(place, trial)
    assert len(keys) == 1
    files = [path.read_bytes() for path in place.root.rglob("*") if path.is_file()]
    assert len(files) > 5 and not any(keys[0].encode() in data or bytes.fromhex(keys[0]) in data for data in files)
    first = {at: digests[0] for at, digests in sent.items()}
    assert first


def test_the_seed_tells_nothing_of_secure_noise(planned, tmp_path, sent):
    """The same trial in another folder has other noise; a simulated one repeats."""
    place, trial = planned
    go(place, trial)
    (tmp_path / "twin").mkdir()
    runner.plan(tmp_path / "suite.yaml", Registry.discover(), out=tmp_path / "twin")
    go(RunDir(tmp_path / "twin"), trial)
    assert all(len(set(digests)) == 2 for digests in sent.values())


def test_a_released_trial_is_not_trained_again_at_no_charge(planned):
    place, trial = planned
    go(place, trial)
    (place.trial(trial.key) / "state.safetensors").unlink()
    with pytest.raises(PrivacyError, match="spends epsilon again"):
        go(place, trial)
