"""The same FedAvg GAN here and in Flower's simulation: equal weights after each round, and fewer seconds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("flwr", reason="flwr is not installed: `pip install 'flwr[simulation]'` in an environment of its own")
pytestmark = pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")


def test_the_same_gan_takes_fewer_seconds_a_round_than_in_flower(benchmark):
    """The script asserts the weights. Bars of the issue, of Flower as it ships: 15 times its rounds a second at 10 ms of training, 2 at 200."""
    script = Path(__file__).with_name("flower.py")
    done = benchmark.pedantic(
        lambda: subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True), rounds=1
    )
    found = json.loads(done.stdout.splitlines()[-1])
    benchmark.extra_info |= found
    assert 170_000 < found["parameters"] < 190_000
    for load, bar in (("10 ms", 15), ("200 ms", 2)):
        spent = found[load]["seconds a round"]
        assert spent["flower, as shipped"] / spent["fpmg-bench"] >= bar, found
