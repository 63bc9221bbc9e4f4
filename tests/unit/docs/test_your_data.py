"""docs/your-data.md, command by command, on sixty made-up patients with films."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

PAGE = (Path(__file__).parents[3] / "docs" / "your-data.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
EXPORT = re.findall(r"`(fpmg-bench data export [^`]+)`", PAGE)
N = 200  # noise is drawn anew each time: among 60 a wish may find too few


def make(folder: Path) -> None:
    rng = np.random.default_rng(7)
    (folder / "films").mkdir(parents=True)
    died = np.arange(N) % 2
    for at in range(N):
        pixels = rng.integers(0, 60, (64, 64)) + 100 * died[at]
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"films/{at}.png")
    frame = pd.DataFrame(
        {
            "patient_id": [f"P{at:04d}" for at in range(N)],
            "hospital": np.where(rng.random(N) < 0.5, "north", "south"),
            "outcome": np.where(died == 1, "died", "survived"),
            "age": rng.integers(30, 90, N) + 3 * died,
            "weight": [f"{value:.1f}" for value in rng.normal(75, 9, N)],
            "smoker": rng.choice(["Y", "N"], N),
            "admitted": ["2020-01-02"] * N,
            "film": [f"films/{at}.png" for at in range(N)],
        }
    )
    frame.to_csv(folder / "patients.csv", index=False)


def declare(document: Path) -> None:
    """What the page asks a reader to do by hand: ranges, a step, and their word."""
    text = document.read_text()
    assert "FILL IN" not in re.sub("(?m)^#.*$", "", text), text
    text = text.replace("drafted: true", "drafted: false")
    text = re.sub(r'{"name": "age", "low": [\d.]+, "high": [\d.]+', '{"name": "age", "low": 18, "high": 100', text)
    text, changed = re.subn(
        r'{"name": "weight", "low": [\d.]+, "high": [\d.]+(, "step": [\d.]+)?',
        '{"name": "weight", "low": 30, "high": 200, "step": 0.1',
        text,
    )
    assert changed == 1
    document.write_text(text)


@pytest.fixture(scope="module")
def walked(tmp_path_factory, program):
    """The folder after all steps, and what each command printed."""
    place, printed = tmp_path_factory.mktemp("yours"), {}
    make(place / "my-cohort")
    (suite,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (place / "mine.yaml").write_text(suite)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for line in [*COMMANDS, *EXPORT]:
            code, printed[line] = program(*shlex.split(line)[1:])
            assert code == 0, f"{line}\n{printed[line]}"
            if line.startswith("fpmg-bench data new"):
                declare(place / "my-cohort" / "cohort.yaml")
    return place, printed


def test_the_release_is_in_the_form_of_the_table_and_films(walked):
    place, _ = walked
    was, now = (
        pd.read_csv(place / name / "patients.csv", dtype=str, keep_default_na=False) for name in ("my-cohort", "released")
    )
    assert list(now.columns) == list(was.columns)
    assert 30 < len(now) < 1.5 * N  # the noisy count of sixty, as sizes are private
    assert set(now["outcome"]) == {"died", "survived"}
    assert set(now["hospital"]) == {"north", "south"}
    assert set(now["smoker"]) <= {"Y", "N", ""}
    assert now["weight"].str.fullmatch(r"\d+\.\d|").all()
    films = [place / "released" / name for name in now["film"] if name]
    assert films
    with Image.open(films[0]) as film:
        assert (film.format, film.size, film.mode) == ("PNG", (64, 64), "L")
    assert not set(was["patient_id"]) & set(now["patient_id"])


def test_what_was_asked_for_is_what_came(walked):
    place, _ = walked
    older = pd.read_csv(place / "older" / "patients.csv")
    assert len(older) == 200
    assert older["outcome"].value_counts().tolist() == [100, 100]


def test_the_privacy_page_has_epsilon_attacks_and_all_three_risks(walked):
    place, _ = walked
    text = (place / "released" / "privacy.md").read_text()
    assert re.search(r"epsilon: \d[\d.]* at delta 1e-0\d", text)
    assert "membership" in text
    assert "Signature: ___" in text


def test_the_export_is_the_training_patients_of_the_trial(walked):
    import fpmg_bench as fb

    place, _ = walked
    record = next(trial for trial in fb.load(place / "runs" / "mine").trials() if trial["seed"] == 0)
    assert len(pd.read_csv(place / "train" / "manifest.csv")) == record["split"]["train"]["records"]
