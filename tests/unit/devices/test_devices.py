"""Which device a run takes, what it draws from, and what of it enters the keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from fpmg_bench import devices, runner
from fpmg_bench.errors import SuiteError
from fpmg_bench.registry import Registry
from fpmg_bench.store import Versions, chosen, spec_from_json, stage1_preimage, trial_preimage
from fpmg_bench.suite import parse_suite

TEXT = """\
version: 1
name: devices
seeds: [0]
datasets: [{name: phantom, patients: 300}]
partition: natural
methods:
  fpmg: {encoders: {table: autoencoder, text: frozen, series: pca, image: pca, video: pca}, generator: parallel-cgan, topology: ring, aggregator: fedavg}
  shuffled: {control: shuffle-pairing}
metrics: [rg]
"""


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card of {device}")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("auto", ("cuda:0", "cuda:1")),
        ("cuda", ("cuda:0", "cuda:1")),
        ("cuda:1", ("cuda:1",)),
        ("cpu", ("cpu",)),
    ],
)
def test_a_word_stands_for_the_devices_that_are_there(two_gpus: None, word: str, found: tuple[str, ...]) -> None:
    assert devices.resolved(word) == found


def test_auto_is_the_cpu_without_a_device(no_gpu: None) -> None:
    assert devices.resolved("auto") == ("cpu",)


@pytest.mark.parametrize("word", ["cuda", "cuda:0", "mps"])
def test_an_absent_device_is_refused_with_the_way_out(no_gpu: None, word: str) -> None:
    with pytest.raises(SuiteError, match=rf"suite.yaml: limits.device: {word} is not here: torch sees cpu") as refused:
        devices.resolved(word, "suite.yaml: limits.device")
    assert refused.value.hint == "device: auto takes what is there"


def test_a_device_beyond_the_last_is_refused(two_gpus: None) -> None:
    with pytest.raises(SuiteError, match="cuda:2 is not here: torch sees cuda:0, cuda:1"):
        devices.resolved("cuda:2")


@pytest.mark.parametrize("word", ["gpu", "cuda:", "cuda:-1", "CUDA", "cuda:1x"])
def test_a_suite_says_a_device_that_could_be(word: str, tmp_path: Path) -> None:
    text = f"{TEXT}limits: {{device: '{word}'}}\n"
    with pytest.raises(SuiteError, match=rf"limits.device: unknown device '{word}': one of auto, cpu, cuda, cuda:N or mps"):
        parse_suite(text, tmp_path / "suite.yaml", Registry.discover())


@pytest.mark.parametrize("law", [torch.randn, torch.rand])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(), (1,), (7, 5), (1024, 33)])
def test_what_is_drawn_is_torchs_own_bit_for_bit(law: Callable[..., Any], dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    one, two = torch.Generator().manual_seed(5), torch.Generator().manual_seed(5)
    assert torch.equal(devices.drawn(shape, one, torch.zeros(1, dtype=dtype), law), law(shape, generator=two, dtype=dtype))
    assert torch.equal(one.get_state(), two.get_state())


def test_without_a_generator_the_global_one_is_drawn_from() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        found = devices.drawn((4, 6), None, torch.zeros(1), torch.rand)
        torch.manual_seed(3)
        assert torch.equal(found, torch.rand(4, 6))


def test_only_a_method_with_the_keyword_is_told_the_device() -> None:
    def old(state: int) -> None: ...
    def new(state: int, device: str = "cpu") -> None: ...

    assert devices.accepted(old, "cuda:0") == devices.accepted(new, "cpu") == {}
    assert devices.accepted(new, "cuda:0") == {"device": "cuda:0"}


def _planned(folder: Path, **where: Any) -> runner.RunPlan:
    (folder / "suite.yaml").write_text(TEXT)
    return runner.plan(folder / "suite.yaml", Registry.discover(), out=folder / "out", **where)


def test_the_kind_of_the_device_is_in_the_keys_of_what_it_trains(two_gpus: None, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    here, there = _planned(tmp_path / "a"), _planned(tmp_path / "b", device="cuda:1", jobs_per_device=3)
    one, two = ({trial.spec.method: trial for trial in made.trials} for made in (here, there))
    assert one["fpmg"].key != two["fpmg"].key and one["fpmg"].stage1 != two["fpmg"].stage1
    assert two["fpmg"].spec.device == "cuda", "which of them is the runner's affair: the same kind gives the same key"
    assert there.preimages[two["fpmg"].key]["trial"]["stage1"]["setting"]["device"] == "cuda"
    assert one["shuffled"].key == two["shuffled"].key, "a control trains nothing"
    assert there.seats.devices == ("cuda:1",) and there.seats.each == 3
    assert there.command.endswith("--device cuda:1") and "--device" not in here.command


def test_environment_and_report_name_the_device(two_gpus: None, tmp_path: Path) -> None:
    from fpmg_bench.store import RunDir

    _planned(tmp_path, device="cuda")
    assert (
        '"device": "cuda:0 (card of cuda:0), cuda:1 (card of cuda:1)"'
        in (RunDir(tmp_path / "out").root / "environment.json").read_text()
    )


def test_on_the_cpu_the_keys_are_those_of_before(tmp_path: Path) -> None:
    spec = next(trial.spec for trial in _planned(tmp_path).trials if trial.spec.method == "fpmg")
    versions = Versions(
        dict.fromkeys((f"{kind}:{name}" for kind, name in chosen(spec)), "1"), {"phantom": "f"}, {"device": "cpu"}
    )
    assert spec.device == "cpu"
    for preimage in (stage1_preimage(spec, versions), trial_preimage(spec, versions)["stage1"]):
        assert preimage is not None and preimage["setting"] == versions.setting
    assert trial_preimage(spec, versions)["stage1"] != trial_preimage(replace(spec, device="mps"), versions)["stage1"]


def test_a_plan_of_before_is_read_as_one_of_the_cpu(tmp_path: Path) -> None:
    entry = _planned(tmp_path).trials[0].to_json()["spec"]
    del entry["device"]
    assert spec_from_json(entry).device == "cpu"


def test_private_steps_are_refused_on_mps(monkeypatch: pytest.MonkeyPatch, no_gpu: None, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    private = TEXT.replace("aggregator: fedavg}", "aggregator: fedavg, privacy: {epsilon: 8, delta: 1.0e-3}}")
    (tmp_path / "suite.yaml").write_text(private)
    made = runner.plan(tmp_path / "suite.yaml", Registry.discover(), device="mps")
    assert any("float64, which mps does not have" in refusal.reason for refusal in made.refusals)
