"""Commands, Python, YAML and paths in README, docs and reports: each is tried by the program that it is about."""

import ast
import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from fpmg_bench.cli.app import COMMANDS, main
from fpmg_bench.registry import Registry
from fpmg_bench.suite import compile_selection, load_suite, parse_suite

ROOT = Path(__file__).parents[3]
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LEADERBOARD.md")]
PAGES = [*TOP, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "reports").glob("*.md"))]
EXAMPLE = {"norm-bounded-mean"}  # of the tutorial's plug-in, which is not installed here
ON_THE_PAGE = {"mine.yaml"}  # written there, and run by test_your_data.py
SMALL = "{name: phantom, patients: 150, silos: 3, modalities: [table, image]}"


def commands(page):
    """Every `fpmg-bench ...` of a page that has arguments: lines of fenced blocks, and code within the text."""
    text = page.read_text(encoding="utf-8")
    fences = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line.strip() for fence in fences for line in fence.splitlines()]
    parts = [part.strip() for line in lines for part in re.split(r"&&|;", line.split("  #")[0])]
    inline = re.findall(r"`(fpmg-bench [^`]+)`", text)
    for found in [*parts, *inline]:
        line = re.sub(r"^(\w+=\S+ )+", "", " ".join(found.split()))
        if line.startswith("fpmg-bench ") and not (set(line.split()[1:]) <= set(COMMANDS)):
            yield line


ALL = [
    pytest.param(line, id=f"{page.name}: {line}")
    for page in PAGES
    if page.name != "cli.md"
    for line in dict.fromkeys(commands(page))
]


@pytest.fixture(scope="module")
def registry():
    return Registry.discover()


@pytest.fixture(scope="module")
def suites(registry):
    """name -> suite, read once."""
    found = {}

    def read(name):
        if name not in found:
            found[name] = load_suite(ROOT / name if name.endswith(".yaml") else name, registry)
        return found[name]

    return read


def placeholder(word):
    return word.strip(".").isupper()


def test_pages_have_examples():
    assert len(ALL) > 40


@pytest.mark.parametrize("line", ALL)
def test_a_command_is_one_that_the_program_takes(line, parse_command, registry, suites):
    names, given = parse_command(shlex.split(line)[1:])
    if "suite" in given and not placeholder(given["suite"]) and given["suite"] not in ON_THE_PAGE:
        check_suite(suites(given["suite"]), given)
    if names == ["list"] and given["name"] and not placeholder(given["name"]) and given["name"] not in EXAMPLE:
        assert registry.find(given["kind"].removesuffix("s"), given["name"])
    scores = {key for entry in registry.entries("metric") for key in registry.load("metric", entry.name).scales}
    assert set(given.get("metric") or ()) <= scores


def check_suite(suite, given):
    seeds = [int(n) for n in given["seeds"].split(",")] if given.get("seeds") else suite.seeds
    chosen = compile_selection(given.get("only") or "")
    assert [i for d in suite.datasets for m in suite.methods for s in seeds if chosen(i := f"{d.name}/{m}/{s}")], (
        "-k chooses nothing"
    )


@pytest.fixture(scope="module")
def smoke(run_here):
    """A folder with runs/smoke: the shipped suite on few patients."""
    text = (ROOT / "suites" / "smoke.yaml").read_text().replace("{name: phantom}", SMALL)
    assert SMALL in text
    keep = re.sub(r"^  (fedavg|centralized|local-only|single-modal): .*\n", "", text, flags=re.MULTILINE)
    run = run_here(keep)
    (run.parent / "runs").mkdir()
    run.rename(run.parent / "runs" / "smoke")
    return run.parent


def test_readmes_python_runs_on_readmes_own_run(smoke, monkeypatch):
    monkeypatch.chdir(smoke)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        names = {}
        exec(compile(block, "README.md", "exec"), names)
        values = [eval(line.split("  #")[0], names) for line in block.splitlines() if line.startswith("results.")]
        assert len(values[0]) > 50
        assert len(values[1]) > 50
        assert "image" in values[1].schemas


NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_the_run_that_it_speaks_of(path, smoke, monkeypatch):
    monkeypatch.chdir(smoke)
    book = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert (
        cells
        and [cell["outputs"] or cell["execution_count"] for cell in cells if cell["outputs"] or cell["execution_count"]] == []
    )
    names, shown = {}, []
    for cell in cells:
        body = ast.parse("".join(cell["source"]))
        last = body.body.pop() if isinstance(body.body[-1], ast.Expr) else None
        exec(compile(body, path.name, "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), path.name, "eval"), names)
            shown.append(
                next((getattr(value, how)() for how in ("_repr_svg_", "_repr_html_") if hasattr(value, how)), repr(value))
            )
    assert "nothing is ranked below 5" in shown[0] and "<table" in shown[1] and "Cohort of" in shown[2]
    assert shown[4].startswith("<svg xmlns") and (smoke / "frontier.svg").read_text() == shown[4]


READING = [line for line in commands(ROOT / "README.md") if re.match(r"fpmg-bench (list|report runs/smoke)", line)]


@pytest.mark.parametrize("line", READING)
def test_readmes_commands_that_only_read_do_run(line, smoke, monkeypatch, capsys):
    monkeypatch.chdir(smoke)
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(line)[1:])
    assert not ended.value.code, capsys.readouterr().err
    assert capsys.readouterr().out.strip()


HEAD = "version: 1\nname: page\nseeds: [0]\ndatasets: [{name: phantom}]\nmetrics: [rg]\n"
METHOD = "methods: {m: {encoders: {table: autoencoder}, generator: parallel-cgan, topology: TOPOLOGY, aggregator: fedavg}}\n"
FEDERATION = (ROOT / "docs" / "federation.md").read_text(encoding="utf-8")


def first_column(head):
    """The code in the first column of the table of docs/federation.md whose head begins so."""
    _, _, rest = FEDERATION.partition(f"| {head} ")
    rows = rest.partition("\n\n")[0].splitlines()[2:]
    return [code for row in rows for code in re.findall(r"`([^`]+)`", row.split("|")[1])]


@pytest.mark.parametrize("written", first_column("`partition:`"))
def test_a_partition_of_the_page_is_read(written, registry):
    text = HEAD + f"partition: {written.replace('of: ...', 'of: natural')}\n" + METHOD.replace("TOPOLOGY", "ring")
    assert parse_suite(text, registry=registry).partition["kind"] in written


@pytest.mark.parametrize("written", [code for code in first_column("topology") if not code.startswith("links")])
def test_a_topology_of_the_page_is_read(written, registry):
    name, _, parameters = re.sub(r": [kh]}", ": 2}", written).partition(": ")
    choice = f"{{name: {name}, {parameters.strip('{}')}}}" if parameters else name
    found = parse_suite(HEAD + METHOD.replace("TOPOLOGY", choice), registry=registry)
    assert found.methods["m"].topology.name == name


PLACE = re.compile(r"(?<![\w/.-])(?:\.\./)*(?:docs|reports|suites|tests|plugins|fpmg_bench)/[\w./-]*[\w/](?![\w<]|/<|\*)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_and_links_of_a_page_exist(page):
    text = page.read_text(encoding="utf-8")
    named = [ROOT / place.lstrip("./") for place in PLACE.findall(re.sub(r"https?://\S+", "", text)) if "NNN" not in place]
    links = [page.parent / link.partition("#")[0] for link in re.findall(r"\]\(((?!https?:|#)[^)\s]+)\)", text)]
    assert sorted({str(place) for place in [*named, *links] if not place.exists()}) == []


def test_extras_that_pages_install_exist():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = {extra for group in re.findall(r"(?:\.|fpmg-bench)\[([\w,]+)\]", text) for extra in group.split(",")}
    offered = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {"test", "cohorts"} <= named <= set(offered)


def test_the_citation_is_of_this_version():
    from ruamel.yaml import YAML

    cited = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (cited["cff-version"], str(cited["version"]), cited["license"]) == ("1.2.0", project["version"], project["license"])
    assert [author["name"] for author in cited["authors"]] == [author["name"] for author in project["authors"]]
    assert cited["repository-code"] == project["urls"]["Repository"]


def test_the_index_of_docs_has_every_page():
    text = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {name for name in pages if f"]({name})" not in text} == set()
