"""`release`: from a run on a folder of codes to patients in the same form, without a patient in the process that draws."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fpmg_bench as fb
from fpmg_bench.errors import DatasetError, StoreError, SuiteError, TrialError
from fpmg_bench.registry import Registry
from fpmg_bench.release import Refused, chosen, release
from fpmg_bench.release import refusals as judged
from fpmg_bench.release.cards import croissant
from fpmg_bench.release.cards import privacy as privacy_card
from fpmg_bench.release.cards.facts import Facts
from fpmg_bench.release.handing_out import _empty
from fpmg_bench.release.written import write

sys.path.insert(0, str(Path(__file__).parents[1] / "datasets"))
import source_toys

SUITE = """version: 1
name: codes
seeds: [0, 1]
datasets:
  - {{name: folder, as: codes, root: {root}}}
partition: natural
budget: {{rounds: 1, local_steps: 1, sampling_rate: 0.3, encoder_rounds: 1}}
methods:
  open: {{encoders: {{table: autoencoder}}, generator: gaussian-copula, topology: star, aggregator: fedavg}}
  alone: {{extends: open, topology: isolated}}
  simulated: {{extends: open, privacy: {{epsilon: 8}}}}
  secure: {{extends: open, privacy: {{epsilon: 8, secure: true}}}}
  decoded: {{extends: open, generator: null}}
metrics: [co, pg]
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return source_toys.codes(tmp_path_factory.mktemp("source") / "codes", n=240)


@pytest.fixture(scope="module")
def run(run_here, source):
    return run_here(SUITE.format(root=source).replace("seeds: [0, 1]", "seeds: [0]"))


@pytest.fixture(scope="module")
def registry():
    return Registry.discover()


@pytest.fixture(scope="module")
def released(run, registry, tmp_path_factory):
    to = tmp_path_factory.mktemp("to") / "rel"
    return release(run, "open", to, registry)


def visits(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "visits.csv", dtype=str, keep_default_na=False)


def test_a_release_has_the_sources_header_codes_and_decimals(released, source):
    was, now = visits(source), visits(released.folder)
    assert list(now.columns) == list(was.columns)
    assert set(now["died"]) <= {"0", "1"} and set(now["sex"]) <= {"F", "M", ""} and set(now["smoker"]) <= {"Y", "N", ""}
    assert set(now["hospital"]) == {"N1", "S"}
    assert (
        now["kg"].str.fullmatch(r"\d+\.\d|").all()
        and now["age"].str.fullmatch(r"\d+|").all()
        and now["dose"].str.fullmatch(r"\d\.\d\d|").all()
    )
    assert not set(was["visit"]) & set(now["visit"]) and now["visit"].is_unique
    assert (now["clinician"] == "").all()


def test_a_release_is_read_by_its_own_cohort_yaml_and_has_as_many_patients_as_trained(released, run):
    from fpmg_plugins.datasets.folder import Folder

    made = Folder(str(released.folder)).load()
    trained = fb.load(run).trials()[0]["split"]["train"]["patients"]
    records = fb.load(run).trials()[0]["split"]["train"]["records"]
    assert (len(made), len(set(made.patient.tolist()))) == (records, records)
    assert trained < records
    assert sorted(made.silo_names) == ["north", "south"]
    assert made.condition[:, 1].min() >= 18


def test_labels_are_those_that_trained(released, run):
    silos = fb.load(run).trials()[0]["silos"]
    now = visits(released.folder)
    for silo, code in (("north", "N1"), ("south", "S")):
        (counts,) = (s["label_counts"] for s in silos if s["name"] == silo)
        mine = now[now["hospital"] == code]
        assert [(mine["died"] == c).sum() for c in "01"] == counts


def test_the_same_command_gives_the_same_patients_of_a_simulation_and_others_of_a_secure_model(run, registry, tmp_path, released):
    release(run, "open", tmp_path / "again", registry)
    pd.testing.assert_frame_equal(visits(tmp_path / "again"), visits(released.folder))
    one, two = (release(run, "secure", tmp_path / name, registry, patients=40) for name in ("one", "two"))
    assert not visits(one.folder)["kg"].equals(visits(two.folder)["kg"])


def test_wishes_are_granted(run, registry, tmp_path, released):
    made = release(run, "open", tmp_path / "w", registry, patients=300, where="outcome=died, age>=60", complete=True)
    now = visits(made.folder)
    assert len(now) == 300 and any(
        re.fullmatch(r"[\d,]+ were drawn, of which these 300 are as asked for: .*", each) for each in made.told
    )
    assert not any("were drawn" in each for each in released.told)
    assert set(now["died"]) == {"1"} and (now["age"].astype(int) >= 60).all()
    assert not (now[["kg", "sex", "dose", "smoker", "stage"]] == "").any(axis=None)
    usual = visits(released.folder)
    kg, sex = pd.to_numeric(usual["kg"]).median(), usual["sex"].mode()[0]
    release(run, "open", tmp_path / "t", registry, patients=100, where=f"weight>={kg},sex={sex}", balanced=True)
    tabled = visits(tmp_path / "t")
    assert len(tabled) == 100
    assert (tabled["kg"].astype(float) >= kg).all()
    assert set(tabled["sex"]) == {sex}
    assert (tabled["died"] == "1").sum() == 50
    release(run, "open", tmp_path / "b", registry, patients=100, balanced=True, silo="south")
    even = visits(tmp_path / "b")
    assert (even["died"] == "1").sum() == 50 and set(even["hospital"]) == {"S"}


@pytest.mark.parametrize(
    ("wish", "error", "said"),
    [
        ({"where": "outcom=died"}, SuiteError, "Did you mean 'outcome'"),
        ({"where": "outcome=alive"}, SuiteError, "unknown category"),
        ({"where": "outcome>died"}, SuiteError, "is a category"),
        ({"where": "age>old"}, SuiteError, "not a number"),
        ({"where": "age"}, SuiteError, "no comparison"),
        ({"where": "age>100"}, TrialError, "0 patients of"),
        ({"where": "weight>199.9,stage=late,sex=F"}, TrialError, "drawn ones are as wished"),
        ({"silo": "west"}, StoreError, "no silo 'west' releases"),
        ({"dataset": "other"}, StoreError, "no trial of other/open"),
        ({"seed": 7}, StoreError, "no trial of open"),
    ],
)
def test_a_wish_that_means_nothing_leaves_nothing(wish, error, said, run, registry, tmp_path):
    with pytest.raises(error, match=said):
        release(run, "open", tmp_path / "x", registry, **wish)
    assert list(tmp_path.iterdir()) == []


def test_records_without_anything_are_told(released):
    from fpmg_plugins.datasets.folder import Folder

    made = Folder(str(released.folder)).load()
    assert _empty(made) == []
    none = {name: np.arange(len(made)) > 2 for name in made.present}
    assert _empty(replace(made, present=none)) == [
        f"3 records of {len(made):,} have no modality at all: `--complete` draws whole ones"
    ]


def test_silos_with_models_of_their_own_draw_their_own(run, registry, tmp_path):
    made = release(run, "alone", tmp_path / "a", registry)
    assert set(visits(made.folder)["hospital"]) == {"N1", "S"}


def test_a_full_folder_is_left_alone(run, registry, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DatasetError, match="not an empty folder"):
        release(run, "open", tmp_path, registry)


def test_no_patient_is_read(run, registry, tmp_path, monkeypatch):
    from fpmg_plugins.datasets.folder import Folder

    def never(self):
        raise AssertionError("a patient was read")

    monkeypatch.setattr(Folder, "load", never)
    monkeypatch.setattr(Folder, "folder", never)
    assert release(run, "open", tmp_path / "n", registry, patients=5).patients == 5


def test_encoders_alone_and_simulated_noise_are_refused(run, registry, tmp_path):
    with pytest.raises(Refused, match="real patients, changed"):
        release(run, "decoded", tmp_path / "d", registry, anyway="please")
    with pytest.raises(Refused, match="its noise is simulated") as caught:
        release(run, "simulated", tmp_path / "s", registry)
    assert "--anyway" in caught.value.hint and "secure: true" in str(caught.value)
    made = release(run, "simulated", tmp_path / "s", registry, anyway="a course on privacy")
    for card in ("README.md", "privacy.md"):
        text = (made.folder / card).read_text()
        assert "a course on privacy" in text and "noise is simulated" in text
    assert "simulated: no guarantee" in (made.folder / "privacy.md").read_text()


def test_drafts_and_red_flags_are_refused(run):
    found = chosen(run, "open")
    recipe = found.stored()[1]
    drafted = replace(recipe, form=replace(recipe.form, drafted=True))
    with pytest.raises(Refused, match="schema is a draft"):
        judged.check(found, drafted, "")
    result = json.loads(json.dumps(chosen(run, "secure").result))
    attack = {
        "metric": "pg.attack_auc",
        "family": "PG",
        "unit": "AUROC",
        "best": 0.5,
        "status": "ok",
        "scope": "all",
        "round": None,
    }
    result["scores"] = [attack | {"value": 1.0, "low": 0.99999, "high": 1.0}]
    result["privacy"] |= {"epsilon": 1.0, "delta": 1e-4}
    with pytest.raises(Refused, match=r"red flag: .* epsilon 1 at delta 1e-04 permits 0.731"):
        judged.check(replace(found, result=result, evaluated=[result]), recipe, "")
    assert judged.check(replace(found, result=result, evaluated=[result]), recipe, "to show it")


def test_cards_of_a_private_method_tell_nothing_that_epsilon_does_not_cover(run, registry, tmp_path):
    made = release(run, "secure", tmp_path / "s", registry, patients=30)
    texts = {name: (made.folder / name).read_text() for name in ("README.md", "model-card.md", "privacy.md", "data-card.json")}
    record = chosen(run, "secure").result
    epsilon = record["privacy"]["epsilon"]
    assert f"epsilon: {epsilon:.3g} at delta" in texts["privacy.md"] and "add/remove" in texts["privacy.md"]
    assert "| co |" not in texts["model-card.md"] and "no epsilon covers them" in texts["model-card.md"]
    sizes = {str(record["split"]["train"][k]) for k in ("patients", "records")} | {str(s["records"]) for s in record["silos"]}
    for name, text in texts.items():
        words = set(re.findall(r"(?<![\w.])\d+(?![\w.%])", text))
        assert not words & sizes, (name, words & sizes)
        assert "seed" not in text.lower().replace("suite's seed", ""), name
        assert chosen(run, "secure").trial.key[:12] not in text


def test_the_three_risks_and_attacks_have_their_numbers_or_say_that_nobody_looked(run, registry, tmp_path):
    text = (release(run, "open", tmp_path / "o", registry, patients=5).folder / "privacy.md").read_text()
    assert text.count("not measured") == 3
    row = next(r for r in chosen(run, "open").result["scores"] if r["metric"] == "pg.attack_auc" and r["scope"] == "all")
    assert f"| {row['value']:.3f} | {row['low']:.3f} to {row['high']:.3f} |" in text
    assert ("can be told from guessing, at most" in text) == (row["low"] > 0.5)
    assert "Signature: ___" in text


def test_cards_say_what_holds_of_this_release_alone(run, registry, tmp_path):
    """Nothing of noise where there is none, no rounds where sums sufficed, e^epsilon beside epsilon, an attack's worst training once."""
    found, private = chosen(run, "open"), chosen(run, "secure")
    cards = {name: release(run, name, tmp_path / name, registry, patients=5).folder for name in ("open", "secure")}
    readme, privacy = ((cards["open"] / name).read_text() for name in ("README.md", "privacy.md"))
    assert "equal to, a real person's" in readme and "no record is a person's" not in readme
    assert f"licence, as its owner wrote it: {found.cohort['licence']}" in readme
    assert "epsilons" not in privacy and "exactly: those that trained" in privacy
    text = (cards["secure"] / "privacy.md").read_text()
    assert f"factor of {np.exp(private.result['privacy']['epsilon']):,.0f} at most" in text and "For who signs" in text
    twice = dict(found.result, scores=[row | {"value": 1.0} for row in found.result["scores"]])
    two = replace(found, evaluated=[found.result, twice])
    facts = Facts(two, two.stored()[1], None, (), (), "", "", None, "source")  # type: ignore[arg-type]
    rows = re.findall(r"\| pg\.attack_auc \| .* \| (\S+) \|", privacy_card.text(facts).replace(" to ", "-"))
    assert (
        len(rows) == 1
        and rows == re.findall(r"\| pg\.attack_auc \| .* \| (\S+) \|", privacy.replace(" to ", "-"))
        and "1.000" in privacy_card.text(facts)
    )
    assert "1 rounds of encoders, 0 of the generator" in (cards["open"] / "model-card.md").read_text()


def test_the_data_card_names_every_table_and_column(released):
    card = json.loads((released.folder / "data-card.json").read_text())
    assert card["conformsTo"] == "http://mlcommons.org/croissant/1.0" and card["@type"] == "sc:Dataset"
    assert [f["@id"] for f in card["distribution"]] == ["visits.csv"]
    (rows,) = card["recordSet"]
    assert [f["name"] for f in rows["field"]] == list(visits(released.folder).columns)
    assert {f["source"]["fileObject"]["@id"] for f in rows["field"]} == {"visits.csv"}
    assert "sha256" not in json.dumps(card) and card["isLiveDataset"] and "datePublished" not in card


def test_the_data_card_says_what_the_cohorts_owner_declares(run, released, registry, source, tmp_path):
    from fpmg_plugins.datasets.folder import Folder

    text = (source / "cohort.yaml").read_text()
    said = "card: {url: https://klinik.example/synthetic, creator: Klinik X, published: 2026-12-01, live: false}\n"
    (source / "carded.yaml").write_text(text + said)
    declared = Folder(str(source), "carded.yaml").source()
    assert "card" not in Folder(str(source)).source()
    found = chosen(run, "open")
    cohorts = {"codes": {**found.cohort, "source": declared}}
    made = Facts(replace(found, plan={**found.plan, "cohorts": cohorts}), found.stored()[1], None, (), (), "", "", None, "source")  # type: ignore[arg-type]
    card = croissant.card(made, released.folder)
    assert (card["url"], card["creator"]["name"], card["datePublished"]) == (
        "https://klinik.example/synthetic",
        "Klinik X",
        "2026-12-01",
    )
    digest = hashlib.sha256((released.folder / "visits.csv").read_bytes()).hexdigest()
    assert not card["isLiveDataset"] and [f["sha256"] for f in card["distribution"]] == [digest]
    assert not any("card is read" in each for each in Folder.write(declared, Folder(str(source)).load(), tmp_path))
    assert "card" not in (tmp_path / "cohort.yaml").read_text()


@pytest.mark.parametrize("written", [("cp1252", ";"), ("utf-16", "\t"), ("utf-8", ",")])
def test_the_data_card_reads_tables_as_they_are_written(written, tmp_path):
    encoding, mark = written
    (tmp_path / "p.csv").write_text(mark.join(("Größe", "Köln")) + "\n" + mark.join(("1", "ü")) + "\n", encoding=encoding)
    assert list(croissant._columns(tmp_path / "p.csv")) == [("Größe", "sc:Float"), ("Köln", "sc:Text")]


def test_other_forms(run, registry, tmp_path):
    from fpmg_plugins.datasets.folder import Folder

    for form, manifest in (("parquet", "visits.parquet"), ("folder", "manifest.parquet"), ("csv", "visits.csv")):
        made = release(run, "open", tmp_path / form, registry, patients=20, form=form)
        assert (made.folder / manifest).is_file()
        assert len(Folder(str(made.folder)).load()) == 20


def test_a_dataset_without_a_form_is_written_in_the_formats_own(run_here, registry, tmp_path):
    from fpmg_plugins.datasets.folder import Folder

    text = SUITE.format(root="x").replace(
        "{name: folder, as: codes, root: x}", "{name: phantom, patients: 120, silos: 2, modalities: [table, series]}"
    )
    text = re.sub(r"  (alone|simulated|secure|decoded): .*\n", "", text).replace("seeds: [0, 1]", "seeds: [0]")
    run = run_here(text.replace("{table: autoencoder}", "{table: autoencoder, series: transformer-ae}"))
    made = release(run, "open", tmp_path / "c", registry, form="csv", patients=50)
    assert {file.name for file in made.folder.glob("*.csv")} == {"manifest.csv", "series.csv"}
    cohort = Folder(str(made.folder)).load()
    assert len(cohort) == 50 and cohort.silo_names
    assert np.isfinite(cohort.data["series"].values).all()


def test_a_modality_that_nobody_drew_is_left_out_and_said(run, registry, tmp_path):
    from fpmg_plugins.datasets.folder import Folder
    from fpmg_plugins.datasets.phantom import Phantom

    found = chosen(run, "open")
    cohort = Phantom(patients=30, silos=2, modalities=("table", "series")).load()
    drawn = replace(cohort, present={**cohort.present, "series": np.zeros(len(cohort), dtype=bool)})
    told = write(drawn, tmp_path / "c", "folder", {}, registry, found.trial.spec)
    assert told[0] == "no record drawn has series: cohort.yaml leaves it out"
    assert set(Folder(str(tmp_path / "c")).load().schemas) == {"table"}
    nothing = replace(drawn, present=dict.fromkeys(drawn.present, drawn.present["series"]))
    with pytest.raises(SuiteError, match="nothing to write"):
        write(nothing, tmp_path / "d", "folder", {}, registry, found.trial.spec)
