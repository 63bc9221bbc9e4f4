"""A local step as a trial takes it (shard, learner, its share of a round) over the bare step of the same network on the same batch."""

import pytest

SILOS = 5
LEARNERS = [
    ("encoder", "autoencoder", "table"),
    ("encoder", "transformer-ae", "series"),
    ("encoder", "transformer-ae", "text"),
    ("encoder", "cnn-ae", "image"),
    ("encoder", "cnn-ae", "video"),
    ("encoder", "cnn-transformer-ae", "image"),
    ("encoder", "cnn-transformer-ae", "video"),
    ("encoder", "timm-ae", "image"),
    ("encoder", "frozen", "table"),
    ("encoder", "frozen", "series"),
    ("encoder", "frozen", "text"),
    ("encoder", "frozen", "image"),
    ("generator", "parallel-cgan", ""),
    ("generator", "single-modal-cgan", ""),
    ("generator", "latent-flow", ""),
]


@pytest.mark.parametrize(("kind", "name", "modality"), LEARNERS)
def test_a_step_beside_the_bare_one(measured, measuring, bar, kind, name, modality):
    steps, patients = (10, 256) if measuring else (1, 24)
    found = measured("bare_steps", kind, name, modality, steps, patients)
    networks = 2 if name == "single-modal-cgan" else 1
    assert 0.6 * SILOS * steps * networks < found["kept"] <= SILOS * steps * networks  # few draws are empty
    bar("plain step over bare step", found["plain"] / found["bare"], 1.15)
    bar("private step over bare step", found["private"] / found["bare"], 2.2)


pytestmark = pytest.mark.filterwarnings("ignore::pytest_benchmark.logger.PytestBenchmarkWarning")
