"""A run as one file: what is in it, what is recomputed of it, and that whoever changes it is found."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from fpmg_bench import runner
from fpmg_bench.errors import StoreError
from fpmg_bench.keys import source_hash
from fpmg_bench.registry import Registry
from fpmg_bench.store import read_json, write_json
from fpmg_bench.submission import archive, layout, submit, verify
from fpmg_bench.submission.verifying import examined

SUITE = """
version: 1
name: small
seeds: [0, 1]
datasets: [{name: phantom, patients: 120, silos: 2, modalities: [table]}]
partition: natural
budget: {rounds: 0, local_steps: 1, sampling_rate: 0.1, encoder_rounds: 1}
methods:
  copula: {encoders: {table: frozen}, generator: gaussian-copula, topology: ring, aggregator: fedavg}
  private: {extends: copula, privacy: {epsilon: 8, delta: 1.0e-4}}
metrics: [rg, pg]
"""


@pytest.fixture(scope="module")
def run(run_here):
    """A run with the pre-images of its keys, which the runner writes before a trial begins."""
    folder = run_here(SUITE)
    for key, told in runner.plan(folder.parent / "suite.yaml", Registry.discover()).preimages.items():
        write_json(folder / "trials" / key / "key.json", told)
    return folder


@pytest.fixture(scope="module")
def made(run, tmp_path_factory):
    return submit(run, tmp_path_factory.mktemp("bundle") / "b.zip", releases=True)


@pytest.fixture
def unpacked(made, tmp_path):
    archive.unpack(made.path, tmp_path / "b")
    return tmp_path / "b"


def edited(file, change):
    """A JSON file changed and sealed again, as a careful cheat would do it."""
    told = read_json(file)
    change(told)
    write_json(file, told)


def trial(folder, id):
    plan = read_json(folder / "plan.json")
    return folder / "trials" / next(entry["key"] for entry in plan["trials"] if entry["id"] == id)


def first_contradiction(folder):
    """The first check that finds something; those after it are not computed."""
    return next(((check.name, "; ".join(check.problems)) for check in examined(folder) if check.problems), None)


def test_a_bundle_is_verified_and_says_what_it_cannot_show(made, program, tmp_path):
    code, said = program("verify", str(made.path), "--to", str(tmp_path / "kept"))
    assert code == 0, said
    assert said.count(" ok ") >= 9 or said.count("ok") >= 9
    assert "CONTRADICTED" not in said and "only running again can tell" in said and "run suite.yaml -k 'phantom/copula/0'" in said
    assert "whether the program was this one" in said and "canaries, can refute it" in said
    code, said = program("compare", f"{tmp_path / 'kept'}:copula", f"{tmp_path / 'kept'}:private", "--metric", "rg")
    assert code == 0 and "not ranked" in said  # two seeds


def test_a_bundle_has_no_patients_states_logs_or_names_of_columns(made, run):
    with zipfile.ZipFile(made.path) as bundle:
        names = bundle.namelist()
        plan = json.loads(bundle.read("plan.json"))
        told = json.loads(bundle.read(layout.MANIFEST))
    assert (made.files, made.bytes, made.sha256) == (len(names), made.path.stat().st_size, source_hash(made.path))
    assert {Path(name).name for name in names if not layout.is_release(name)} == {
        *layout.RUN_FILES, *layout.TRIAL_FILES, layout.MANIFEST, layout.TABLE, layout.TESTS,
    }  # fmt: skip
    assert made.releases == sum(map(layout.is_release, names)) >= 8  # of phantom, which is publishable
    assert "source" not in plan["cohorts"]["phantom"] and "source" in read_json(run / "plan.json")["cohorts"]["phantom"]
    assert told["bytes"] == sum(each["bytes"] for each in told["files"].values())


def test_the_same_run_is_the_same_file_and_releases_come_only_when_asked_for(run, made, tmp_path):
    again = submit(run, tmp_path / "again.zip", releases=True)
    assert again.sha256 == made.sha256
    with pytest.raises(StoreError, match="exists"):
        submit(run, tmp_path / "again.zip")


def test_releases_of_a_cohort_that_is_not_publishable_stay(run, tmp_path):
    from fpmg_bench.store import RunDir
    from fpmg_bench.submission.bundle import _releases

    assert len(_releases(RunDir(run))[0]) >= 8
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    edited(folder / "plan.json", lambda plan: plan["cohorts"]["phantom"].update(publishable=False))
    assert _releases(RunDir(folder)) == ({}, ("phantom",))


def test_a_changed_byte_is_found_by_its_hash(made, unpacked, tmp_path):
    files = {f.relative_to(unpacked).as_posix(): f for f in unpacked.rglob("*") if f.is_file()}
    edited(trial(unpacked, "phantom/copula/0") / "trial.json", lambda told: told["scores"][0].update(value=1.0))
    archive.pack(tmp_path / "forged.zip", files)
    found = verify(tmp_path / "forged.zip")
    assert not found.sound
    problems = {check.name: check.problems for check in found.checks}
    assert any("trial.json: was changed after the bundle was made" in line for line in problems["files have their hashes"])
    assert any("is listed, and not there" in line for line in problems["files have their hashes"])  # releases, left out


def number(folder):
    edited(trial(folder, "phantom/copula/1") / "trial.json", lambda told: told["scores"][0].update(value=1.0))


def number_of_the_table(folder):
    edited(folder / layout.TABLE, lambda told: told["value"].__setitem__(0, 1.0))


def direction(folder):
    edited(folder / layout.TESTS, lambda told: told["verdict"].__setitem__(0, "better"))


def lost_row(folder):
    edited(folder / layout.TABLE, lambda told: [column.pop() for column in told.values()])


def out_of_range(folder):
    edited(trial(folder, "phantom/copula/1") / "trial.json", lambda told: told["scores"][0].update(value=-3.0))


def removed_seed(folder):
    edited(folder / "plan.json", lambda plan: plan["trials"].pop())


def removed_result(folder):
    (trial(folder, "phantom/private/1") / "trial.json").unlink()


def removed_seed_of_suite_and_plan(folder):
    """Whoever leaves it out of the suite too has asked another question: the plan has more than it."""
    text = (folder / "suite.yaml").read_text().replace("seeds: [0, 1]", "seeds: [0]")
    (folder / "suite.yaml").write_text(text)


def planned_epsilon(folder):
    """In plan and record, as if it had been asked for."""

    def other(spec):
        spec["privacy"]["epsilon"] = 1.0

    edited(folder / "plan.json", lambda plan: [other(t["spec"]) for t in plan["trials"] if t["spec"]["privacy"]])
    for seed in (0, 1):
        edited(trial(folder, f"phantom/private/{seed}") / "trial.json", lambda told: other(told["spec"]))


def asked_epsilon(folder):
    """Besides in the suite: then only the keys know."""
    planned_epsilon(folder)
    text = (folder / "suite.yaml").read_text()
    (folder / "suite.yaml").write_text(text.replace("epsilon: 8", "epsilon: 1"))


def stated_epsilon(folder):
    edited(
        trial(folder, "phantom/private/0") / "trial.json",
        lambda told: [silo.update(epsilon=1.0) for silo in told["privacy"]["silos"]],
    )


def ledgers_epsilon(folder):
    """Ledger, and the sum of it that the record has, and the record: the entries still cost what they cost."""
    from fpmg_bench.store.records import files_of

    here = trial(folder, "phantom/private/0")
    edited(here / "ledger.json", lambda told: [silo.update(epsilon=1.0) for silo in told["silos"]])
    stated_epsilon(folder)
    edited(here / "trial.json", lambda told: told["files"].update({"ledger.json": files_of(here, 0)["ledger.json"]}))


def core(folder):
    edited(folder / "environment.json", lambda told: told.update(core="0" * 64))


def version_of_a_metric(folder):
    edited(trial(folder, "phantom/copula/0") / "key.json", lambda told: told["measure"]["metrics"][0].update(version="mine"))


@pytest.mark.parametrize(
    ("cheat", "check", "says"),
    [
        (number, "the table follows from the records", "phantom/copula/1"),
        (number_of_the_table, "the table follows from the records", "value is 1.0 in the bundle"),
        (lost_row, "the table follows from the records", "is not in the bundle"),
        (direction, "tests and verdicts follow from the table", "verdict is 'better' in the bundle, 'not ranked'"),
        (out_of_range, "scores are in their ranges", "-3.0, which is not in [0, inf]"),
        (removed_seed, "the plan is the suite's", "phantom/private/1: the suite asks for it"),
        (removed_seed_of_suite_and_plan, "the plan is the suite's", "phantom/copula/1: the suite does not ask for it"),
        (removed_result, "every trial has a result", "phantom/private/1: has no result"),
        (planned_epsilon, "the plan is the suite's", "phantom/private/0: privacy: not as the suite asks"),
        (asked_epsilon, "keys are the digests of specifications", "the pre-image of its trial key is not its specification's"),
        (stated_epsilon, "epsilons follow from ledgers", "epsilons of its record [1.0, 1.0] are not its ledger's"),
        (ledgers_epsilon, "epsilons follow from ledgers", "states epsilon 1, its entries cost"),
        (core, "trials ran in one setting", "core: in the keys other than in environment.json"),
        (version_of_a_metric, "keys are the digests of specifications", "its measure key is not the digest"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_change_that_is_sealed_again_is_found(cheat, check, says, unpacked):
    cheat(unpacked)
    name, problems = first_contradiction(unpacked)
    assert name == check and says in problems, (name, problems)


def test_what_would_not_be_verified_is_not_bundled(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    (trial(folder, "phantom/private/1") / "trial.json").unlink()
    with pytest.raises(StoreError, match="phantom/private/1: has no result"):
        submit(folder, tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


def zipped(path, *entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in entries:
            bundle.writestr(name, data)
    return path


def link():
    entry = zipfile.ZipInfo("plan.json")
    entry.external_attr = 0o120777 << 16
    return entry


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([("../plan.json", "{}")], "is no file of a bundle"),
        ([("/etc/plan.json", "{}")], "is no file of a bundle"),
        ([("trials/../../plan.json", "{}")], "is no file of a bundle"),
        ([("trials/a\\b/trial.json", "{}")], "is no file of a bundle"),
        ([("trials/k/state.pkl", "{}")], "is no file of a bundle"),
        ([("plan.json", "{}"), ("Plan.json", "{}")], "is no file of a bundle"),
        ([(link(), "/etc/passwd")], "is no plain file"),
    ],
)
def test_a_foreign_name_is_refused_before_anything_is_unpacked(entries, says, tmp_path):
    with pytest.raises(StoreError, match=says):
        archive.unpack(zipped(tmp_path / "b.zip", ("suite.yaml", ""), *entries), tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_sizes_are_bounded_by_what_comes_out(tmp_path, monkeypatch):
    bundle = zipped(tmp_path / "b.zip", ("plan.json", b"0" * 5000), ("trials/k/synthetic/all/a.csv", b"0" * 5000))
    assert {each.bytes for each in archive.unpack(bundle, tmp_path / "to").values()} == {5000}
    assert not (tmp_path / "to" / "trials").exists()  # releases are hashed, and never written
    for name, limit in (("LARGEST", 4999), ("TOTAL", 9999), ("MOST_FILES", 1)):
        with monkeypatch.context() as patch:
            patch.setattr(archive, name, limit)
            with pytest.raises(StoreError, match=r"larger than|2 files"):
                archive.unpack(bundle, tmp_path / name)


def test_what_is_no_bundle_is_said(tmp_path, program):
    (tmp_path / "no.zip").write_bytes(b"PK nothing")
    code, said = program("verify", str(tmp_path / "no.zip"))
    assert code == 2 and "no zip file" in said
    zipped(tmp_path / "empty.zip", ("suite.yaml", "version: 1"))
    code, said = program("verify", str(tmp_path / "empty.zip"))
    assert code == 2 and "plan.json" in said


def test_a_row_is_told_once_by_what_it_says():
    from fpmg_bench.submission.derived import as_columns, as_rows, differences

    rows = [{"m": "a", "value": 0.1}, {"m": "b", "value": None}]
    assert as_rows(as_columns(rows)) == rows
    assert list(differences(rows, rows, ("m",))) == []
    assert list(differences(rows[:1], rows, ("m",))) == ["b: follows from the trials, and is not in the bundle"]
    assert list(differences([{"m": "a", "value": 0.1 + 1e-15}, rows[1]], rows, ("m",))) == []
