"""A generator made elsewhere, through the program: what its command sees and may do, how it fails, what is scored, what is left."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import pytest
from fpmg_plugins.datasets.folder import Folder
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.cohorts.folder import write
from fpmg_bench.errors import ExitCode

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere nothing is forked")

# One script for all: a bootstrap of the training records, and what each method's word makes of it.
SCRIPT = """
import csv, json, os, random, shutil, subprocess, sys, time
from pathlib import Path
train, out, seed, n, what = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
header, *rows = list(csv.reader((train / "manifest.csv").open(newline="")))
if os.environ.get("SEEN"):
    seen = {"rows": len(rows), "ids": [r[header.index("patient")] for r in rows], "env": sorted(os.environ), "at": os.getcwd()}
    with open(os.environ["SEEN"], "a") as file:
        file.write(json.dumps(seen) + "\\n")
if what == "crash":
    print("SECRET of", rows[0], file=sys.stderr)
    sys.exit(3)
if what == "daemon":  # leaves its group, and lives on
    daemon = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    Path(os.environ["PID"]).write_text(str(daemon.pid))
if what == "hang":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(os.environ["PID"]).write_text(str(child.pid))
    time.sleep(600)
made = [list(random.Random(seed * 1000 + i).choice(rows)) for i in range(5 if what == "few" else n + 7 if what == "many" else n)]
age = header.index("table.age")
if what == "own":
    for i, row in enumerate(made):
        row[header.index("record")] = str(i)
if what == "range":
    made[3][age] = "4321.5"
if what == "word":
    made[2][age] = "Jane Doe"
if what == "category":
    made[1][header.index("table.sex")] = "Jane Doe"
if what == "column":
    header[age] = "table.years"
if what == "climb":
    (out.parent / "beside.csv").write_text("x")
if what == "link":
    (out / "manifest.csv").symlink_to(train / "manifest.csv")
elif what != "nothing":
    with (out / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *made])
    shutil.copytree(train / "image", out / "image", dirs_exist_ok=True)
if what == "own":
    text = (train / "cohort.yaml").read_text()
    (out / "cohort.yaml").write_text(text.replace("high: 95", "high: 96"))
"""
WORDS = "crash", "hang", "daemon", "few", "many", "range", "word", "category", "column", "climb", "link", "nothing", "own"


def suite(folder):
    methods = "".join(
        f'  {word}: {{extends: boot, external: {{command: ["{{python}}", synth.py, "{{train}}", "{{out}}", "{{seed}}", "{{n}}", {word}],'
        f' limit: {"2s" if word == "hang" else "1m"}, env: {{PID: "{folder / word}"}}}}}}\n'
        for word in WORDS
    )
    return f"""version: 1
name: beside
seeds: [0]
datasets: [{{name: phantom, patients: 90, silos: 3, modalities: [table, image], image_size: 16}}]
methods:
  boot:
    external: {{command: ["{{python}}", synth.py, "{{train}}", "{{out}}", "{{seed}}", "{{n}}", boot], env: {{SEEN: "{folder / "pooled"}"}}}}
    partition: pooled
  boots: {{extends: boot, partition: natural, topology: isolated, external: {{command: ["{{python}}", synth.py, "{{train}}", "{{out}}", "{{seed}}", "{{n}}", boot], env: {{SEEN: "{folder / "silos"}"}}}}}}
{methods}
metrics: [rg, fc, co, pg]
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory, program):
    """Folder of the suite, exit code, what was printed, method -> its trial.json; temporary folders go to `tmp` there."""
    folder = tmp_path_factory.mktemp("beside")
    (folder / "synth.py").write_text(SCRIPT)
    (folder / "beside.yaml").write_text(suite(folder))
    (folder / "tmp").mkdir()
    before, tempfile.tempdir = tempfile.tempdir, str(folder / "tmp")
    try:
        code, printed = program("run", folder / "beside.yaml", "--out", folder / "out")
    finally:
        tempfile.tempdir = before
    found = {
        trial["method"]: trial for trial in (json.loads(p.read_text()) for p in (folder / "out" / "trials").glob("*/trial.json"))
    }
    return folder, code, printed, found


def seen(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def scored(trial, key, scope="all"):
    return next(row for row in trial["scores"] if (row["key"], row["scope"], row["modality"]) == (key, scope, None))


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_a_command_sees_the_training_patients_alone_pooled_or_one_silo_after_the_other(run):
    folder, *_, trials = run
    (pooled,) = seen(folder / "pooled")
    by_silo = seen(folder / "silos")
    split = trials["boot"]["split"]
    assert pooled["rows"] == split["train"]["records"] and len(set(pooled["ids"])) == split["train"]["patients"]
    assert len(by_silo) == 3 and sum(each["rows"] for each in by_silo) == pooled["rows"]
    assert set.union(*({*each["ids"]} for each in by_silo)) == {*pooled["ids"]}
    assert [each["rows"] for each in by_silo] == [silo["records"] for silo in trials["boots"]["silos"]]


def test_it_runs_in_an_environment_and_a_folder_of_its_own_of_which_nothing_is_left(run):
    folder, *_ = run
    (told,) = seen(folder / "pooled")
    assert {"FPMG_DATA", "FPMG_PARENT", "PYTHONPATH"}.isdisjoint(told["env"]) and {"HOME", "TMPDIR", "SEEN"} <= {*told["env"]}
    assert "fpmg-external-" in told["at"] and not Path(told["at"]).exists()
    assert [each.name for each in (folder / "tmp").iterdir() if each.name.startswith(("fpmg", "tmp"))] == []


def test_a_release_from_elsewhere_is_scored_and_kept_as_any_other(run):
    folder, *_, trials = run
    for name in ("boot", "boots"):
        trial = trials[name]
        assert (trial["role"], trial["status"], trial["privacy"], trial["stage1"]) == ("external", "ok", None, None)
        assert scored(trial, "rg")["value"] < 1.0  # copies are nearer to patients than patients are
        assert scored(trial, "pg.epsilon")["value"] == float("inf") or scored(trial, "pg.epsilon")["value"] == "inf"
    kept = Folder(str(folder / "out" / "trials" / trials["boot"]["key"] / "synthetic" / "all")).load()
    assert len(kept) == trials["boot"]["split"]["train"]["records"] and kept.present["image"].all()


def test_what_looks_at_a_federation_is_not_applicable_and_says_why(run):
    *_, trials = run
    for name in ("boot", "boots"):
        for key in ("fc", "co"):
            row = scored(trials[name], key)
            assert row["status"] == "not_applicable" and "outside the boundary" in row["reason"], (name, key)


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("crash", "ended with exit code 3"),
        ("hang", "was not done after 2 s"),
        ("few", "5 records of "),
        ("range", r"\{out\}/manifest.csv:5: column 'table.age': outside 18 to 95"),
        ("word", r"\{out\}/manifest.csv:4: column 'table.age': not a number"),
        ("category", r"\{out\}/manifest.csv:3: column 'table.sex': unknown category \("),
        ("column", "no column 'table.age'"),
        ("climb", r"wrote outside of \{out\}"),
        ("link", r"leads out of \{out\}"),
        ("nothing", r"\{out\}: no manifest.csv"),
        ("own", r"\{out\}/cohort.yaml: column 'age' of 'table' is declared otherwise"),
    ],
)
def test_what_goes_wrong_is_that_trials_failure_with_its_place_and_without_a_cell(run, method, words):
    *_, trials = run
    trial = trials[method]
    assert trial["status"] == "failed" and re.search(words, trial["reason"]), trial["reason"]
    assert not re.search("Jane|4321|SECRET|fpmg-external", trial["reason"])


def test_the_end_of_what_a_failed_command_printed_is_in_its_log_alone(run):
    folder, _, printed, trials = run
    log = (folder / "out" / "trials" / trials["crash"]["key"] / "log.txt").read_text()
    assert "SECRET" in log and "SECRET" not in printed
    others = [p for p in (folder / "out").rglob("*") if p.is_file() and p.name != "log.txt" and b"SECRET" in p.read_bytes()]
    assert others == []


def test_nothing_that_a_command_started_outlives_it(run):
    folder, *_, trials = run
    assert trials["daemon"]["status"] == "ok"
    for name in ("hang", "daemon"):
        assert not alive(int((folder / name).read_text())), name


def test_of_too_many_records_some_are_kept_and_all_are_counted(run):
    *_, trials = run
    (told,) = trials["many"]["external"].values()
    assert told["records"] - told["kept"] == 7 and told["kept"] == trials["many"]["split"]["train"]["records"]


def test_some_failed_and_the_others_are_measured(run):
    _, code, printed, _ = run
    assert code == ExitCode.SOME_FAILED, printed
    assert "Traceback" not in printed


def test_releases_that_are_there_already_are_scored_and_their_contents_are_the_key(tmp_path, program):
    cohort = Phantom(patients=300, silos=3, modalities=("table",)).load()
    for name in cohort.silo_names:
        write(cohort, tmp_path / "made" / "phantom" / "0" / name, tables=".csv")
        (tmp_path / "made" / "phantom" / "0" / name / "cohort.yaml").unlink()
    write(cohort, tmp_path / "one" / "phantom")
    (tmp_path / "s.yaml").write_text("""version: 1
name: there
seeds: [0, 1]
datasets: [{name: phantom, patients: 90, silos: 3, modalities: [table]}]
methods:
  silos: {external: {release: "made/{dataset}/{seed}/{silo}"}, topology: isolated}
  pooled: {external: {release: "one/{dataset}"}, partition: pooled}
metrics: [rg]
""")

    def keys():
        plan = json.loads((tmp_path / "out" / "plan.json").read_text())
        return {trial["id"]: trial["key"] for trial in plan["trials"]}

    code, printed = program("run", tmp_path / "s.yaml", "--out", tmp_path / "out")
    first = keys()
    assert code == ExitCode.OK, printed
    assert set(first) == {"phantom/silos/0", "phantom/pooled/0", "phantom/pooled/1"}
    assert "no release in" in printed and "made/phantom/1" in printed  # refused, and said
    trials = [json.loads(path.read_text()) for path in (tmp_path / "out" / "trials").glob("*/trial.json")]
    assert {trial["status"] for trial in trials} == {"ok"}
    with (tmp_path / "made" / "phantom" / "0" / cohort.silo_names[0] / "manifest.csv").open("a", newline="") as file:
        file.write("\n")
    code, printed = program("run", tmp_path / "s.yaml", "--out", tmp_path / "out")
    second = keys()
    assert {id for id in first if first[id] != second[id]} == {"phantom/silos/0"}


def test_a_command_goes_with_the_runner_that_asked_for_it(tmp_path):
    """Whoever asks is killed: the keeper ends the command and removes the patients."""
    import subprocess

    asker = subprocess.Popen([sys.executable, "-c", ASKER, str(tmp_path)], env={**os.environ, "TMPDIR": str(tmp_path)})
    pid = tmp_path / "pid"
    until = time.monotonic() + 60
    while not pid.exists() or not pid.read_text():
        assert time.monotonic() < until and asker.poll() is None
        time.sleep(0.02)
    command = int(pid.read_text())
    assert alive(command) and list(tmp_path.glob("fpmg-external-*/train/patients"))
    asker.kill()
    asker.wait()
    while alive(command) or list(tmp_path.glob("fpmg-external-*")):
        assert time.monotonic() < until
        time.sleep(0.02)


ASKER = """
import sys
from fpmg_bench.external.sandbox import sandbox
with sandbox() as box:
    box.train.mkdir()
    (box.train / "patients").write_text("x")
    code = "import os, sys, time; open(sys.argv[1] + '/pid', 'w').write(str(os.getpid())); time.sleep(600)"
    box.run([sys.executable, "-c", code, sys.argv[1]], {}, 500)
"""
