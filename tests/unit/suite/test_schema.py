"""The JSON schemas: current, and of one mind with what reads suites and cohort.yaml."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from fpmg_bench.cli.extend.schema import written
from fpmg_bench.document.schemas import NAMES, editor_line
from fpmg_bench.errors import DatasetError, SuiteError
from fpmg_bench.registry import Registry
from fpmg_bench.suite import parse_suite
from fpmg_bench.suite.place import Place
from fpmg_bench.suite.schema import suite_schema

ROOT = Path(__file__).parents[3]
SUITES = sorted((ROOT / "suites").glob("*.yaml"))
COHORTS = sorted((ROOT / "plugins/fpmg_plugins/datasets").rglob("*.yaml"))
WHOLE = """
version: 1
name: whole
seeds: [0, 1]
datasets: [{name: phantom, as: other, patients: 150, optional: true, partition: {kind: modality, lack: 0.3, of: natural}}]
partition: {kind: pooled, of: {kind: dirichlet, alpha: 0.5, silos: 5}}
budget: {rounds: 1, encoder: {rounds: 2, local_steps: 1}, stop: {consensus: 1.0e-3}, evaluate_every: null}
methods:
  a:
    encoders: {table: {name: pca, dim: 4}}
    generator: {name: parallel-cgan, lr: 1}
    topology: {name: ring, relay: true}
    aggregator: fedavg
    privacy: {epsilon: 8, colluding: null}
    silos: {site-1: {local_steps: 3, encoder: {local_steps: 2}}}
    audit: {canaries: 20}
    faults: [{kind: sign-flip, silos: [site-1], from: 0, until: null, stage: both}]
  b: {extends: a, generator: null, audit: null, faults: null}
  c: {control: copy, strength: 0.5}
  d: {external: {release: "there/{seed}"}, partition: pooled}
metrics: [rg, {name: dg}]
sweep: {a: {privacy.epsilon: [1, 8]}}
limits: {trial: 10m, memory: 4GiB, on_error: stop, device: cpu}
tune: {method: b, objectives: [rg], space: {encoders.table.dim: {int: [1, 4], log: true}}, seeds: 2}
frames: false
faults: []
"""
COHORT = """
version: 1
licence: CC0
manifest: m.csv
record: r
patient: p
label: none
silo: {column: s}
tables: [{file: t.csv, key: p}]
modalities:
  table: {kind: table, columns: [{name: age, low: 0, high: 120}]}
  labs: {kind: series, file: l.csv, record: r, steps: 4, columns: [{name: hr}]}
"""
WRONG = [
    ("version: 1\n", "version: 2\n"),
    ("seeds: [0, 1]", "seeds: [0, 0]"),
    ("seeds: [0, 1]", "seeds: [-1]"),
    ("name: whole", "nam: whole"),
    ("name: whole", "name: a/b"),
    ("optional: true", "optionel: true"),
    ("optional: true", "optional: 1"),
    ("patients: 150", "patients: many"),
    ("lack: 0.3, ", ""),
    ("lack: 0.3", "lack: 3"),
    ("alpha: 0.5, silos: 5", "alpha: 0.5"),
    ("rounds: 1,", "rounds: -1,"),
    ("consensus:", "consent:"),
    ("{rounds: 2, local_steps: 1}", "{rounds: 2, epochs: 1}"),
    ("dim: 4}", "dims: 4}"),
    ("lr: 1}", "lr: fast}"),
    ("topology: {name: ring, relay: true}", "topology: {relay: true}"),
    ("epsilon: 8", "epsilon: 0"),
    ("colluding:", "coluding:"),
    ("encoder: {local_steps: 2}", "encoder: {rounds: 2}"),
    ("canaries: 20", "canaries: 2"),
    ("kind: sign-flip", "kind: sign-flop"),
    ("from: 0", "since: 0"),
    ("generator: null, audit", "genrator: null, audit"),
    ("control: copy", "control: coppy"),
    ("release:", "relase:"),
    ("trial: 10m", "trial: 10"),
    ("memory: 4GiB", "memory: 4GB"),
    ("on_error: stop", "on_error: go"),
    ("tune: {method: b, ", "tune: {"),
    ("{int: [1, 4], log: true}", "{int: [1], log: true}"),
    ("frames: false", "frames: no"),
    ("metrics: [rg, {name: dg}]", "metrics: []"),
]
WRONG_COHORT = [
    ("version: 1", "version: 2"),
    ("licence: CC0\n", ""),
    ("label: none", "label: nothing"),
    ("silo: {column: s}", "silo: {colum: s}"),
    ("key: p}", "key: p, many: true}"),
    ("low: 0", "least: 0"),
    ("low: 0", "low: few"),
    ("kind: table", "kind: tabel"),
    ("steps: 4", "steps: 0"),
]


@pytest.fixture(scope="module")
def registry():
    return Registry.discover()


@pytest.fixture(scope="module")
def texts(registry):
    return {name: written(name, registry, shipped=True) for name in NAMES}


@pytest.fixture(scope="module")
def validators(texts):
    schemas = {name: json.loads(text) for name, text in texts.items()}
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    return {name: Draft202012Validator(schema) for name, schema in schemas.items()}


def loaded(text):
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("name", NAMES)
def test_the_schemas_that_ship_are_what_the_program_prints(name, texts):
    text = (ROOT / "schemas" / f"{name}.json").read_text(encoding="utf-8")
    assert text == texts[name], f"fpmg-bench schema {name} --shipped --to schemas/{name}.json"


@pytest.mark.parametrize("file", SUITES, ids=lambda file: file.stem)
def test_a_suite_that_ships_names_its_schema_and_fits_it(file, validators):
    text = file.read_text(encoding="utf-8")
    assert text.startswith(editor_line("suite", "../schemas/suite.json"))
    assert [error.message for error in validators["suite"].iter_errors(loaded(text))] == []


def test_cohorts_that_ship_fit_their_schema(validators):
    assert len(COHORTS) > 5
    for file in COHORTS:
        assert [error.message for error in validators["cohort"].iter_errors(loaded(file.read_text(encoding="utf-8")))] == [], file


def test_the_readers_keys_are_the_schemas(registry, validators, monkeypatch):
    """The sets of keys that the reader asks for, and those that mappings of the schema have; components and faults say theirs by name."""
    asked = set()
    fields = Place.fields

    def recording(self, known, required=()):
        asked.add(frozenset(known))
        return fields(self, known, required)

    monkeypatch.setattr(Place, "fields", recording)
    parse_suite(WHOLE, registry=None)
    for file in SUITES:
        parse_suite(file.read_text(encoding="utf-8"), file)
    schema = validators["suite"].schema
    parts = {"root": {**schema, "$defs": {}}} | schema["$defs"]
    offered = {keys for name, part in parts.items() if name not in registry_kinds(registry) for keys in closed(part)}
    assert asked <= offered
    kinds = {keys for keys in offered - asked if "kind" in keys}  # of faults and partitions that none of these suites has
    assert offered - asked == kinds


def registry_kinds(registry):
    return {entry.kind for entry in registry.entries()}


def closed(schema):
    """The keys of every mapping in a schema that takes no others."""
    if isinstance(schema, dict):
        if schema.get("additionalProperties") is False:
            yield frozenset(schema["properties"])
        for value in schema.values():
            yield from closed(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from closed(value)


def test_a_key_without_a_value_is_found_when_the_schema_is_made(registry, monkeypatch):
    from fpmg_bench.suite import sections

    monkeypatch.setattr(sections, "LIMIT_KEYS", (*sections.LIMIT_KEYS, "disk"))
    with pytest.raises(ValueError, match="do not agree on disk"):
        suite_schema(registry, shipped=True)


def test_what_is_right_is_right_for_both(registry, validators):
    assert parse_suite(WHOLE, registry=registry).methods["b"].generator is None
    assert [error.message for error in validators["suite"].iter_errors(loaded(WHOLE))] == []
    assert read_cohort(COHORT).licence == "CC0"
    assert [error.message for error in validators["cohort"].iter_errors(loaded(COHORT))] == []


@pytest.mark.parametrize(("right", "wrong"), WRONG)
def test_what_is_wrong_in_a_suite_is_wrong_for_both(right, wrong, registry, validators):
    assert WHOLE.count(right) == 1
    text = WHOLE.replace(right, wrong)
    with pytest.raises(SuiteError):
        parse_suite(text, registry=registry)
    assert not validators["suite"].is_valid(loaded(text))


@pytest.mark.parametrize(("right", "wrong"), WRONG_COHORT)
def test_what_is_wrong_in_a_cohort_is_wrong_for_both(right, wrong, validators):
    assert COHORT.count(right) == 1
    text = COHORT.replace(right, wrong)
    with pytest.raises(DatasetError):
        read_cohort(text)
    assert not validators["cohort"].is_valid(loaded(text))


def read_cohort(text):
    from tempfile import TemporaryDirectory

    from fpmg_plugins.datasets.folder.document import Document

    with TemporaryDirectory() as folder:
        file = Path(folder, "cohort.yaml")
        file.write_text(text, encoding="utf-8")
        return Document(file).spec


def test_other_components_stay_allowed(validators):
    for name in ("my-distribution:mine", "./mine.py:Mine", "theirs"):
        text = WHOLE.replace("generator: {name: parallel-cgan, lr: 1}", f"generator: {{name: '{name}', whatever: 3}}")
        assert validators["suite"].is_valid(loaded(text))


def test_the_command_prints_writes_and_refuses(program, tmp_path):
    code, said = program("schema", "cohort", "--to", str(tmp_path / "c.json"))
    assert code == 0 and "# yaml-language-server: $schema=c.json" in said
    assert json.loads((tmp_path / "c.json").read_text())["title"] == "fpmg-bench cohort.yaml"
    code, said = program("schema", "cohorts")
    assert code == 2 and "fpmg-bench schema cohort" in said


def test_a_new_suite_names_its_schema_and_is_read(program, tmp_path, monkeypatch, validators):
    monkeypatch.chdir(tmp_path)
    code, said = program("new", "suite", "mine.yaml")
    assert code == 0 and "fpmg-bench plan mine.yaml" in said
    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert text.startswith(editor_line("suite")) and len(parse_suite(text).methods) == 4
    assert validators["suite"].is_valid(loaded(text))
    assert program("new", "suite", "mine.yaml")[0] == 2
    assert program("new", "suite", "mine.py")[0] == 2
