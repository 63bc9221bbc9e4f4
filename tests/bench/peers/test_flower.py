"""The same FedAvg GAN here and in Flower's simulation: equal weights after each round, and fewer seconds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("flwr", reason="flwr is not installed: `pip install 'flwr[simulation]'` in an environment of its own")
pytestmark = pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")


def test_the_same_gan_takes_fewer_seconds_a_round_than_in_flower(benchmark, bar):
    """The script asserts the weights. Against Flower as it ships, with short local training, where the engine is most of a round."""
    script = Path(__file__).with_name("flower.py")
    done = benchmark.pedantic(
        lambda: subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True), rounds=1
    )
    found = json.loads(done.stdout.splitlines()[-1])
    benchmark.extra_info |= found
    assert 170_000 < found["parameters"] < 190_000
    for measure in ("seconds a round", "processor seconds"):
        spent = found["10 ms"][measure]
        bar(f"{measure}, over Flower's", spent["fpmg-bench"] / spent["flower, as shipped"], 1)
