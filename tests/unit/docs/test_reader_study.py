"""docs/reader-study.md: its commands run one after the other, its file of answers is one that `score` takes, its numbers are right."""

from __future__ import annotations

import json
import math
import re
import shlex
from pathlib import Path

import pytest

from fpmg_bench.stats import findable

PAGE = (Path(__file__).parents[3] / "docs" / "reader-study.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
SUITE = """version: 1
name: smoke
seeds: [0]
datasets: [{name: phantom, patients: 120, silos: 2, modalities: [table, image]}]
budget: {rounds: 1, local_steps: 1, sampling_rate: 0.3, encoder_rounds: 1}
methods:
  fpmg: {encoders: {table: pca, image: dct}, generator: gaussian-copula, topology: star, aggregator: fedavg}
metrics: [co]
"""


def answers(example, key, reader):
    """Of a reader who fills in the page's example: each case in the words of its first entry."""
    first = example["answers"][0]
    said = [{**first, "case": case["case"], "verdict": case["kind"], "label": case["label"]} for case in key["cases"]]
    return {**example, "study": key["study"], "reader": reader, "answers": said}


@pytest.fixture(scope="module")
def walked(run_here, program):
    """What each command printed."""
    run = run_here(SUITE)
    place, printed = run.parent, {}
    (place / "runs").mkdir()
    run.rename(place / "runs" / "smoke")
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for line in COMMANDS:
            if " score " in line:
                key = json.loads(Path("study/key.json").read_text())
                for name in re.findall(r"answers-(\w+)\.json", line):
                    Path(f"answers-{name}.json").write_text(json.dumps(answers(json.loads(example), key, name)))
            code, printed[line] = program(*shlex.split(line)[1:])
            assert code == 0, f"{line}\n{printed[line]}"
    return printed


def test_the_commands_make_a_study_and_score_it(walked):
    made, scored = walked.values()
    assert "24 cases of phantom/fpmg/0 (12 real, 12 synthetic)" in made
    assert "AB: synthetic cases are told from real ones" in scored and "CD: synthetic cases are told" in scored
    assert "all readers" in scored and re.search(r"verdict\s+Cohen\s+1 \[1, 1\] \(n 24\)", scored)


def test_what_so_many_cases_find_is_as_the_page_says():
    said = re.findall(r"(\d+) % with (\d+) and \2 cases|(\d+) % with (\d+) and \4", PAGE)
    pairs = [(int(a or c), int(b or d)) for a, b, c, d in said]
    assert pairs == [(75, 20), (65, 50)]
    assert all(math.ceil(100 * findable(n, n)) == share for share, n in pairs)


def test_every_option_of_the_page_is_one_and_none_is_missing():
    from typer.main import get_command

    from fpmg_bench.cli.reader_study import app

    (make,) = (c for name, c in get_command(app).commands.items() if name == "make")
    options = {flag for each in make.params for flag in each.opts if flag.startswith("--")} - {"--method", "--to", "--help"}
    rows = {
        flag for line in PAGE.splitlines() if line.startswith("| `--") for flag in re.findall(r"--[\w-]+", line.split("|")[1])
    }
    assert rows == options
