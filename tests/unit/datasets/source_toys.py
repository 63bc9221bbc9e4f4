"""Folder cohorts of several forms, for what is written back in them: each is a manifest, a cohort.yaml and what they name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

N = 60
CODES = """\
version: 1
licence: CC0-1.0
manifest: visits.csv
record: visit
patient: mrn
missing: ["", NA]
silo: {column: hospital, groups: {north: [N1, N2], south: [S]}, min_records: 2}
conditions:
  - {name: outcome, column: died, type: category, categories: [survived, died], map: {"0": survived, "1": died}}
  - {name: age, low: 18, high: 100, step: 1}
modalities:
  table:
    kind: table
    columns:
      - {name: weight, column: kg, low: 20, high: 200, step: 0.1, unit: kg}
      - {name: dose, low: 0, high: 2, step: 0.25}
      - {name: sex, type: category, categories: [F, M], map: {f: F}}
      - {name: smoker, type: flag, map: {Y: 1, N: 0, "?": null}}
      - {name: stage, type: category, categories: [early, late, none], map: {"1": early, "2": early, "3": late}, other: none}
"""
ALL_KINDS = """\
version: 1
licence: CC0-1.0
manifest: stays.parquet
record: stay_id
patient: subject
rows: [{column: view, keep: [AP]}]
conditions:
  - {name: label, column: label, type: flag}
modalities:
  table:
    kind: table
    present: has_table
    columns:
      - {name: beds, low: 0, high: 900, step: 1}
      - {name: ward, type: category, categories: [a, b]}
      - {name: ratio, low: 0, high: 1}
  note: {kind: text, column: note, length: 40}
  film: {kind: image, column: film, folder: films, shape: [1, 8, 8]}
  clip: {kind: video, column: clip, shape: [4, 1, 8, 8], frame_ms: 100}
  vitals:
    kind: series
    file: tables/long.csv
    record: stay
    time: hour
    variable: what
    window: [0, 8]
    steps: 4
    columns: [{name: pulse, column: HR, low: 20, high: 250, step: 1}, {name: temperature, low: 30, high: 43, step: 0.1}]
"""
STEPS = """\
version: 1
licence: CC0-1.0
manifest: m.csv
record: id
patient: id
conditions:
  - {name: label, type: category, categories: [well, ill]}
modalities:
  drops: {kind: series, file: s.parquet, record: id, step: k, steps: 3, columns: [{name: drop, low: 0, high: 9, step: 0.5}]}
"""


def codes(folder: Path, n: int = N) -> Path:
    """A csv with codes, decimals, words for flags, and two columns that nobody declares."""
    rng = np.random.default_rng(1)
    kg = rng.normal(80, 15, n).clip(30, 150)
    frame = pd.DataFrame(
        {
            "visit": [f"v{at:03d}" for at in range(n)],
            "seen_on": ["2019-03-04"] * n,
            "mrn": [f"p{at // 2}" for at in range(n)],
            "hospital": rng.choice(["N1", "N2", "S"], n),
            "died": rng.choice(["0", "1"], n),
            "kg": [f"{value:.1f}" if at % 7 else "NA" for at, value in enumerate(kg)],
            "age": rng.integers(18, 100, n).astype(str),
            "sex": rng.choice(["F", "M"], n),
            "dose": [f"{value:.2f}" for value in rng.integers(0, 8, n) / 4],
            "smoker": rng.choice(["Y", "N", ""], n),
            "stage": rng.choice(["1", "3", "none"], n),
            "clinician": [f"Dr {at}" for at in range(n)],
        }
    )
    return _written(folder, frame, "visits.csv", CODES)


def all_kinds(folder: Path) -> Path:
    """A parquet with types of its own, text, pictures in a declared folder, clips, and a long csv with a column too many."""
    rng = np.random.default_rng(2)
    (folder / "films").mkdir(parents=True)
    (folder / "tables").mkdir()
    for at in range(N):
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / f"films/{at}.png")
        frames = [Image.fromarray(frame) for frame in rng.integers(0, 256, (4, 8, 8), dtype=np.uint8)]
        frames[0].save(folder / f"clip{at}.png", save_all=True, append_images=frames[1:], duration=100)
    frame = pd.DataFrame(
        {
            "subject": np.arange(N, dtype=np.int64) + 500,
            "stay_id": np.arange(N, dtype=np.int64) + 90,
            "label": rng.random(N) < 0.5,
            "view": ["AP"] * N,
            "beds": pd.array([None if at % 9 == 0 else at for at in range(N)], "Int32"),
            "ward": pd.Categorical(rng.choice(["a", "b"], N)),
            "ratio": rng.random(N).astype(np.float32),
            "has_table": np.arange(N) % 5 > 0,
            "note": [f"note {at}, rested" if at % 4 else None for at in range(N)],
            "film": [f"{at}.png" if at % 3 else None for at in range(N)],
            "clip": [f"clip{at}.png" for at in range(N)],
            "unused": rng.random(N),
        }
    )
    long = pd.DataFrame(
        [(90 + at, 2 * k + 1, "HR", 60 + at, "ICU") for at in range(N) for k in range(4)]
        + [(90 + at, 2 * k + 1, "temperature", 36.5 + k / 10, "ICU") for at in range(0, N, 2) for k in (0, 3)],
        columns=["stay", "hour", "what", "value", "unit"],
    )
    long.to_csv(folder / "tables/long.csv", index=False)
    return _written(folder, frame, "stays.parquet", ALL_KINDS)


def steps(folder: Path) -> Path:
    """A series whose steps are named, and one column for record and patient."""
    frame = pd.DataFrame({"id": [f"r{at}" for at in range(N)], "label": ["well", "ill"] * (N // 2)})
    long = pd.DataFrame(
        [(f"r{at}", float(k) + at / 8, "drop", (at % 5) / 2, k) for at in range(N) for k in range(3)],
        columns=["id", "time", "variable", "value", "k"],
    )
    folder.mkdir(parents=True, exist_ok=True)
    long.to_parquet(folder / "s.parquet", index=False)
    return _written(folder, frame, "m.csv", STEPS)


def _written(folder: Path, frame: pd.DataFrame, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if name.endswith(".csv"):
        frame.to_csv(folder / name, index=False)
    else:
        frame.to_parquet(folder / name, index=False)
    (folder / "cohort.yaml").write_text(text)
    return folder


TOYS = {"codes": codes, "all kinds": all_kinds, "steps": steps}


def assert_same(was, now):
    """Two cohorts hold the same, but for names of patients and what absent modalities have in their place."""
    assert (now.schemas, now.conditions, len(now)) == (was.schemas, was.conditions, len(was))
    np.testing.assert_array_equal(now.condition, was.condition)
    assert [now.silo_names[s] for s in now.silo if now.silo_names] == [was.silo_names[s] for s in was.silo if was.silo_names]
    for name, schema in was.schemas.items():
        here = was.present[name]
        np.testing.assert_array_equal(now.present[name], here)
        a, b = was.data[name].take(here), now.data[name].take(here)
        if schema.kind == "table":
            pd.testing.assert_frame_equal(b.frame, a.frame, check_dtype=False)
        elif schema.kind == "series":
            np.testing.assert_array_equal(b.seen, a.seen)
            np.testing.assert_allclose(b.values, a.values, atol=1e-6)
            np.testing.assert_allclose(b.time[a.seen.any(axis=2)], a.time[a.seen.any(axis=2)], rtol=1e-6)
        elif schema.kind == "text":
            assert b.strings == a.strings
        else:
            np.testing.assert_array_equal(b.array(), a.array())
