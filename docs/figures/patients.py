"""Pictures of simulated patients, real, decoded and synthetic: `python docs/figures/patients.py` writes patients.png beside this file.

It runs three trials on the phantom (about a minute), in a temporary folder. The phantom's patients are simulated, so all may be shown.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import fpmg_bench as fb

SUITE = """version: 1
name: patients
seeds: [0]
datasets: [{name: phantom, patients: 1000, modalities: [table, image]}]
budget: {rounds: 15, local_steps: 20, sampling_rate: 0.1, encoder_rounds: 8}
methods:
  fpmg:
    encoders: {table: autoencoder, image: cnn-ae}
    generator: {name: parallel-cgan, loss: logistic, lr: 4.9e-4}
    topology: ring
    aggregator: centered-clipping
  untrained: {extends: fpmg, budget: {rounds: 0}}
  decoded: {extends: fpmg, generator: null}
metrics: [co]
"""
ROWS = (  # words beside the row, method, silo
    ("patients that nobody trained on", "decoded", "held-out"),
    ("the same, encoded and decoded", "decoded", "decoded"),
    ("synthetic, before training", "untrained", None),
    ("synthetic, after training", "fpmg", None),
)
A_CLASS, ZOOM, WORDS = 2, 3, 200


def pictures(folder: Path) -> NDArray[np.uint8]:
    """The first pictures of each class of a folder cohort, side by side and enlarged: [height, width]."""
    import pandas as pd

    manifest = pd.read_parquet(folder / "manifest.parquet")
    files = manifest.groupby("condition.label").head(A_CLASS).sort_values("condition.label", kind="stable")["image"]
    tiles = [np.asarray(Image.open(folder / file).convert("L")) for file in files]
    return np.kron(np.concatenate(tiles, axis=1), np.ones((ZOOM, ZOOM), np.uint8))


def sheet(results: fb.Results) -> Image.Image:
    """One row a kind of patient, its words at the left."""
    rows = [pictures(results.synthetic_path(method, seed=0, silo=silo)) for _, method, silo in ROWS]
    height, width = rows[0].shape
    page = Image.new("L", (WORDS + width, height * len(rows)), 255)
    draw = ImageDraw.Draw(page)
    for i, (row, (words, _, _)) in enumerate(zip(rows, ROWS, strict=True)):
        page.paste(Image.fromarray(row), (WORDS, i * height))
        draw.text((6, i * height + height // 2 - 6), words, fill=0)
    return page


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        suite = Path(place) / "patients.yaml"
        suite.write_text(SUITE, encoding="utf-8")
        sheet(fb.run(suite, out=Path(place) / "run", report=False)).save(Path(__file__).with_suffix(".png"), optimize=True)
