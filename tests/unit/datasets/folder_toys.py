"""A small cohort on disk that tests break in one place at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

COHORT = """\
version: 1
licence: CC0-1.0
manifest: manifest.csv
record: id
patient: person
silo: {column: site}
conditions:
  - {name: label, type: category, categories: [well, ill]}
  - {name: age, low: 0, high: 120}
modalities:
  table:
    kind: table
    columns:
      - {name: weight, low: 20, high: 200}
      - {name: sex, type: category, categories: [f, m]}
      - {name: smoker, type: flag}
  notes: {kind: text, column: note, length: 12}
  image: {kind: image, column: file, shape: [1, 8, 8]}
  vitals:
    kind: series
    file: long.csv
    record: id
    steps: 3
    columns: [{name: pulse, low: 20, high: 220}]
"""


def make(folder: Path) -> Path:
    """Eight records of seven patients at two sites; the cohort.yaml is COHORT."""
    rng = np.random.default_rng(0)
    (folder / "media").mkdir(parents=True)
    for at in range(8):
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / f"media/{at}.png")
    frame = pd.DataFrame(
        {
            "id": [f"r{at}" for at in range(8)],
            "person": [f"p{max(at - 1, 0)}" for at in range(8)],
            "site": ["north", "south"] * 4,
            "label": ["well", "well", "ill", "ill"] * 2,
            "age": range(30, 38),
            "weight": [70.5, 80, None, 64, 90, 55, 62, 77],
            "sex": ["f", "m", "", "f", "m", "f", "m", "f"],
            "smoker": ["yes", "no", "", "1", "0", "true", "False", "1.0"],
            "note": ["fine", "", "cough", "fever", "ok", "a\nb", "pain", "none"],
            "file": [f"media/{at}.png" for at in range(8)],
        }
    )
    frame.to_csv(folder / "manifest.csv", index=False)
    long = [(f"r{at}", hour, "pulse", 60 + at + hour) for at in range(7) for hour in range(3)]
    pd.DataFrame(long, columns=["id", "time", "variable", "value"]).to_csv(folder / "long.csv", index=False)
    (folder / "cohort.yaml").write_text(COHORT)
    return folder


def change(folder: Path, file: str, old: str, new: str) -> None:
    """Replace a text that must be there, once."""
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
