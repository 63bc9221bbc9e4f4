"""Real patients leave no trace: planted strings, numbers and pictures are found nowhere in a run directory."""

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.cohorts.folder import write
from fpmg_bench.types import Pixels, Table, Text

WORD = re.compile(rb"zq[a-p]{6}x")  # a patient's own: what several patients write may travel (decision 52)
SUITE = """
version: 1
name: canaries
seeds: [0]
frames: true
datasets: [{{name: folder, as: mine, file: {file}}}]
partition: natural
budget: {{rounds: 2, local_steps: 3, sampling_rate: 0.2, encoder_rounds: 2}}
methods:
  fpmg:
    encoders: {{table: autoencoder, text: transformer-ae, image: cnn-ae}}
    generator: parallel-cgan
    topology: ring
    aggregator: centered-clipping
  dp: {{extends: fpmg, generator: {{name: parallel-cgan, loss: hinge}}, privacy: {{epsilon: 8, delta: 1.0e-3}}, audit: {{canaries: 10}}}}
  copula: {{extends: fpmg, encoders: {{image: pca, table: pca}}, generator: gaussian-copula}}
  copy: {{control: copy}}
metrics: [rg, pg, membership, inference, proxies, neighbour, density-ratio]
"""


def word(patient):
    """Which nobody else has: six letters of a hash."""
    letters = "".join(
        chr(ord("a") + nibble) for byte in hashlib.sha256(str(patient).encode()).digest()[:3] for nibble in divmod(byte, 16)
    )
    assert WORD.fullmatch(f"zq{letters}x".encode())
    return f"zq{letters}x"


def planted(folder):
    """150 patients whose every note, weight and picture is unmistakable; not publishable."""
    cohort = Phantom(patients=150, silos=3, modalities=("table", "text", "image")).load()
    rng = np.random.default_rng(0)
    notes = Text(
        tuple(f"{word(i)} {text}"[: cohort.schemas["text"].shape[0]] for i, text in enumerate(cohort.data["text"].strings))
    )
    pixels = rng.integers(0, 256, (len(cohort), *cohort.schemas["image"].shape), dtype=np.uint8)
    frame = cohort.data["table"].frame.copy()
    number = next(c for c in cohort.schemas["table"].columns if c.type == "number")
    frame[number.name] = number.low + (number.high - number.low) * rng.random(len(cohort))
    schema = replace(cohort.schemas["table"], columns=tuple(replace(c, step=None) for c in cohort.schemas["table"].columns))
    schemas = dict(cohort.schemas) | {"table": schema}
    data = {"table": Table(frame), "text": notes, "image": Pixels.of(pixels)}
    write(replace(cohort, data=data, schemas=schemas), folder)
    return pixels, frame[number.name].to_numpy(), number.name


@pytest.fixture(scope="module")
def run(program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("canaries")
    pixels, numbers, column = planted(folder / "cohort")
    (folder / "suite.yaml").write_text(SUITE.format(file=folder / "cohort" / "cohort.yaml"))
    code, printed = program("run", folder / "suite.yaml", "--out", folder / "out")
    assert code == 0, printed
    return folder / "out", pixels, numbers, column, printed


def files(out):
    found = [p for p in out.rglob("*") if p.is_file()]
    assert len(found) > 20
    return found


def test_no_planted_word_is_in_any_file_or_in_what_was_printed(run):
    out, _, _, _, printed = run
    notes = pd.read_parquet(out.parent / "cohort" / "manifest.parquet").astype(str).to_numpy().ravel()
    assert sum(bool(WORD.search(note.encode())) for note in notes) == 150
    assert [p for p in files(out) if WORD.search(p.read_bytes())] == []
    assert not WORD.search(printed.encode())


def test_no_planted_picture_is_in_any_file(run):
    from PIL import Image

    out, pixels, _, _, _ = run
    real = {image.tobytes() for image in pixels}
    rows = {image[0, 0].tobytes() for image in pixels}
    shown = [p for p in files(out) if p.suffix == ".png"]
    assert shown
    assert not {np.asarray(Image.open(p)).tobytes() for p in shown} & real
    for path in files(out):
        content = path.read_bytes()
        assert not any(row in content for row in rows), path


def test_no_planted_number_is_in_any_table_or_state(run):
    from safetensors.numpy import load_file

    out, _, numbers, column, _ = run
    real = set(np.asarray(numbers, np.float32).tolist())
    for path in out.rglob("manifest.parquet"):
        frame = pd.read_parquet(path).select_dtypes("number")
        assert any(name.endswith(column) for name in frame)
        assert not {value for name in frame for value in frame[name].astype(np.float32)} & real
    for path in out.rglob("*.safetensors"):
        for tensor in load_file(path).values():
            assert not set(tensor.astype(np.float32).ravel().tolist()) & real, path


def test_no_planted_patient_is_in_a_checkpoint(run):
    """Killed in the middle of training: what lies there then holds weights and counts, and nobody's record."""
    from safetensors.numpy import load_file

    out, pixels, numbers, _, _ = run
    folder = out.parent
    env = dict(os.environ) | {"FPMG_CHECKPOINT_SECONDS": "0"}
    words = [sys.executable, "-P", "-m", "fpmg_bench", "run", str(folder / "suite.yaml"), "--out", str(folder / "killed")]
    process = subprocess.Popen([*words, "-k", "fpmg", "--jobs", "1"], env=env, stdout=subprocess.DEVNULL, start_new_session=True)
    found = []
    while not found and process.poll() is None:
        found = list((folder / "killed").glob("trials/*/checkpoint.safetensors"))
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert found, "no checkpoint was written"
    rows, real = {image[0, 0].tobytes() for image in pixels}, set(np.asarray(numbers, np.float32).tolist())
    for path in [p for p in (folder / "killed").rglob("*") if p.is_file()]:
        content = path.read_bytes()
        assert not WORD.search(content)
        assert not any(row in content for row in rows), path
    for path in (folder / "killed").rglob("*.safetensors"):
        for tensor in load_file(path).values():
            assert not set(tensor.astype(np.float32).ravel().tolist()) & real, path


def test_a_copying_control_of_an_unpublishable_cohort_is_not_stored(run):
    import json

    out, *_ = run
    for path in out.glob("trials/*/trial.json"):
        stored = (path.parent / "synthetic").exists()
        assert stored == (json.loads(path.read_text())["method"] != "copy")
