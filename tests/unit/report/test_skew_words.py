"""The report says how different silos were, partition by partition, and what a modality skew took away."""

from __future__ import annotations

from pathlib import Path

from fpmg_bench.report.patients.skews import skew_lines, withheld_words
from fpmg_bench.report.read import TrialFiles
from fpmg_bench.report.view import Group, Method

SKEWED = {"kind": "modality", "lack": 0.3, "of": {"kind": "iid", "silos": 4}}


def method(name: str, partition: dict, *skews: dict) -> Method:
    trials = [
        TrialFiles(
            "s", f"{name}{seed}", f"toy/{name}/{seed}", "toy", name, seed, "method", "ok", Path(), {"partition": partition},
            {"skew": skew},
        )
        for seed, skew in enumerate(skews)
    ]  # fmt: skip
    return Method(name, "method", trials)


def test_every_partition_has_a_line_with_means_over_seeds():
    natural = {"js": 0.1, "gini": 0.2, "features": 0.3, "features_by_chance": 0.1, "absent": 0.0}
    other = natural | {"js": 0.3}
    skewed = natural | {"absent": 0.25, "left_out": 3, "withheld": {"image": {"silo-1": 40}}}
    ring, copy = (method(name, {"kind": "natural"}, natural, other) for name in ("ring", "copy"))
    lines = list(
        skew_lines(Group(None, "toy", "toy", "toy", (ring, copy, method("lacking", SKEWED, skewed), method("all", {"kind": "pooled"}, natural))))
    )  # fmt: skip
    assert len(lines) == 2
    assert lines[0] == (
        "natural: labels 0.200 (Jensen-Shannon), sizes 0.200 (Gini), features 0.300 (standardised difference; 0.100 by chance)"
    )
    assert lines[1].startswith("modality, lack 0.3 of iid, 4 silos: labels 0.100")
    assert lines[1].endswith("25\u00a0% of silos' modalities absent, 3 records left out with nothing left")
    assert withheld_words("silo-1", skewed) == "image (40 records)"
    assert withheld_words("silo-2", skewed) == withheld_words("silo-1", natural) == ""


def test_records_of_older_runs_have_labels_and_sizes_alone():
    group = Group(None, "toy", "toy", "toy", (method("ring", {"kind": "natural"}, {"js": 0.1, "gini": 0.2}),))
    assert list(skew_lines(group)) == ["natural: labels 0.100 (Jensen-Shannon), sizes 0.200 (Gini)"]
