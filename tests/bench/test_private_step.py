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
]


def measured(kind, name, modality, how):
    given = json.dumps({"modality": modality} if modality else {})
    words = [sys.executable, str(SCRIPT), kind, name, given, how]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("kind", "name", "modality"), LEARNERS)
def test_a_private_step_beside_a_plain_one(benchmark, kind, name, modality):
    plain = measured(kind, name, modality, "plain")
    private = benchmark.pedantic(measured, args=(kind, name, modality, "private"), rounds=1)
    benchmark.extra_info |= {"plain": plain, "private": private, "ratio": private["seconds"] / plain["seconds"]}
    assert private["seconds"] <= 5 * plain["seconds"]
    assert private["grown"] <= 2 * max(plain["grown"], SMALL)
