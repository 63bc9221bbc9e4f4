"""A folder cohort whose label is a number, the time to an event, or absent."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fpmg_plugins.datasets.folder import Folder

from fpmg_bench.cohorts.folder import write
from fpmg_bench.errors import DatasetError
from fpmg_bench.testing import fakes

HEAD = "version: 1\nlicence: CC0-1.0\nmanifest: m.csv\npatient: id\n"
TABLE = "modalities:\n  table: {kind: table, columns: [{name: x, low: 0, high: 10}]}\n"
NUMBER = "{name: los, type: number, low: 0, high: 100, step: 1"
EVENT = "{name: days, type: number, low: 0, high: 900}, {name: died, column: status, type: flag, map: {alive: 0, dead: 1}}"


def folder(root: Path, label: str) -> Folder:
    rows = [
        f"{at},{at % 11},{'' if at == 3 else at},{('alive', 'dead')[at % 2]},{'' if at == 4 else 10 * at}" for at in range(60)
    ]
    (root / "m.csv").write_text("id,x,los,status,days\n" + "\n".join(rows) + "\n")
    (root / "cohort.yaml").write_text(HEAD + label + TABLE)
    return Folder(root=str(root))


def test_a_number_is_cut_where_it_is_said(tmp_path):
    found = folder(tmp_path, f"conditions: [{NUMBER}, cuts: [10, 30]}}]\n")
    cohort = found.load()
    assert cohort.task == "number" and cohort.classes == ("below 10", "10 to 30", "from 30")
    assert np.array_equal(cohort.label, np.digitize(cohort.target, [10, 30])) and len(cohort) == 59
    assert cohort.dropped["records without a label"] == 1
    assert found.about.task == "los: a number from 0 to 100; strata below 10 | 10 to 30 | from 30"


def test_without_cuts_fifths_of_the_range_are_taken(tmp_path):
    cohort = folder(tmp_path, "min_class_patients: 0\nconditions: [{name: los, low: 0, high: 100}]\n").load()
    assert cohort.conditions[0].cuts == (20, 40, 60, 80)
    with pytest.raises(DatasetError, match=r"'60 to 80' .* 0 patients, fewer than 2") as error:
        folder(tmp_path, "conditions: [{name: los, low: 0, high: 100}]\n").load()
    assert "declare other `cuts`" in str(error.value.hint)


def test_an_event_and_its_time_come_first(tmp_path):
    text = f"label: {{event: died, time: days}}\nconditions: [{{name: los, low: 0, high: 100}}, {EVENT}]\n"
    found = folder(tmp_path, text)
    cohort = found.load()
    assert cohort.task == "event" and [c.name for c in cohort.conditions] == ["died", "days", "los"]
    assert cohort.label.tolist()[:4] == [0, 1, 0, 1] and cohort.target.tolist()[:3] == [0.0, 10.0, 20.0]
    assert len(cohort) == 59 and np.isnan(cohort.condition[:, 2]).sum() == 1  # a time that is not known; a condition may be
    assert found.about.task == "died at days, or none until then"


@pytest.mark.parametrize("text", ["", "conditions: []\n", f"label: none\nconditions: [{NUMBER}}}]\n"])
def test_without_a_label_everybody_is_of_one_class(tmp_path, text):
    found = folder(tmp_path, text)
    cohort = found.load()
    assert cohort.task == "none" and set(cohort.label) == {0} and len(cohort) == 60
    assert len(cohort.conditions) == 1 + ("los" in text) and found.about.task.startswith("none")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conditions: [{name: los, type: number}]\n", "'los' is what the label says: declare its low and high"),
        (f"conditions: [{NUMBER}, cuts: [0, 30]}}]\n", "cuts of 'los' must lie between its low and high"),
        (f"conditions: [{NUMBER}, cuts: [30, 10]}}]\n", "in rising order"),
        (f"conditions: [{NUMBER}, cuts: [10.2, 10.6]}}]\n", "no step of 'los' lies between two of its cuts"),
        ("conditions: [{name: x, type: flag}, {name: los, low: 0, high: 9, cuts: [2]}]\n", "cuts belong to the first condition"),
        (f"label: {{event: died, time: los}}\nconditions: [{EVENT}]\n", "label: time: 'los' must be a condition of type number"),
        (f"label: {{event: days, time: days}}\nconditions: [{EVENT}]\n", "label: event: 'days' must be a condition of type flag"),
        (f"label: {{event: died, when: days}}\nconditions: [{EVENT}]\n", "label.when: unknown key 'when'"),
    ],
)
def test_what_no_label_can_be_is_said(tmp_path, text, message):
    with pytest.raises(DatasetError) as error:
        folder(tmp_path, text).load()
    assert message in str(error.value)


@pytest.mark.parametrize("labelled", [fakes.by_number, fakes.by_event, fakes.unlabelled])
def test_what_is_written_is_read_back(tmp_path, labelled):
    cohort = labelled(fakes.cohort(40, modalities=("table", "text")))
    write(cohort, tmp_path / "out")
    again = Folder(root=str(tmp_path / "out")).load()
    assert again.conditions == cohort.conditions and again.task == cohort.task
    assert np.array_equal(again.condition, cohort.condition) and again.condition.dtype == cohort.condition.dtype


def test_other_conditions_stay_where_there_is_no_label(tmp_path):
    cohort = fakes.unlabelled(fakes.cohort(40, modalities=("table",)))
    more = replace(
        cohort,
        conditions=(*cohort.conditions, fakes.CONDITIONS[1]),
        condition=np.column_stack([cohort.condition, np.arange(40) % 2]).astype(float),
    )
    write(more, tmp_path / "out")
    again = Folder(root=str(tmp_path / "out")).load()
    assert again.conditions == more.conditions and np.array_equal(again.condition, more.condition)
