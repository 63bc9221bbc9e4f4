"""What DP-SGD costs beside plain training, learner by learner: at most five times the seconds and twice the memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("private_step.py")
SMALL = 16 * 2**20  # growth below this is the allocator's, not the step's
LEARNERS = [
    ("encoder", "autoencoder", "table"),
    ("encoder", "transformer-ae", "series"),
    ("encoder", "transformer-ae", "text"),
    ("encoder", "cnn-ae", "image"),
    ("encoder", "cnn-ae", "video"),
    ("encoder", "cnn-transformer-ae", "image"),
    ("generator", "parallel-cgan", ""),
    ("generator", "single-modal-cgan", ""),
    ("generator", "latent-flow", ""),
]


def forgets():
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def measured(kind, name, modality):
    words = [sys.executable, str(SCRIPT), kind, name, json.dumps({"modality": modality} if modality else {})]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    plain, private = found["plain"], found["private"]
    return private["seconds"] / plain["seconds"], private["grown"] / max(plain["grown"], SMALL), found


@pytest.mark.skipif(not forgets(), reason="this kernel does not forget a peak of memory")
@pytest.mark.parametrize(("kind", "name", "modality"), LEARNERS)
def test_a_private_step_beside_a_plain_one(benchmark, kind, name, modality):
    ratios = [benchmark.pedantic(measured, args=(kind, name, modality), rounds=1)]
    while len(ratios) < 3 and (ratios[-1][0] > 5 or ratios[-1][1] > 2):  # a busy machine gets two more chances
        ratios.append(measured(kind, name, modality))
    benchmark.extra_info["seconds and bytes, private over plain"] = [ratio[:2] for ratio in ratios]
    assert min(seconds for seconds, _, _ in ratios) <= 5, ratios
    assert min(grown for _, grown, _ in ratios) <= 2, ratios
