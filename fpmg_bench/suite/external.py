"""Methods made elsewhere: `external: {command: [...]}`, `{peer: NAME}` or `{release: PATH}`, and why one cannot run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fpmg_bench.document import Problems, did_you_mean
from fpmg_bench.errors import SuiteError
from fpmg_bench.external import command as words_of
from fpmg_bench.external.recipes import KINDS, recipes
from fpmg_bench.spec import Choice, External, TrialSpec
from fpmg_bench.suite.model import Method
from fpmg_bench.suite.place import Place
from fpmg_bench.suite.sections import read_partition

if TYPE_CHECKING:
    from fpmg_bench.suite.cohorts import CohortInfo

KEYS = ("command", "peer", "release", "env", "files", "limit")
BESIDE = ("external", "extends", "partition", "topology", "audit")  # what a method made elsewhere may say
NEEDED = {"{train}": "what it trains on", "{out}": "where it writes"}


def read_external_method(place: Place, name: str, found: Mapping[str, Place]) -> Method:
    """A method with `external`, and with one silo, or with silos that share nothing."""
    for key, entry in found.items():
        if key not in BESIDE and entry.value is not None:
            text = f"what is made elsewhere has no '{key}' here; remove it"
            place.problems.add(place.node.key(key), entry.path, text)
    external = read_external(found["external"])
    partition = read_partition(found["partition"]) if "partition" in found else None
    pooled = partition is not None and partition["kind"] == "pooled"
    topology = _topology(place, found, pooled=pooled)
    if external.release and not pooled and topology and "{silo}" not in external.release:
        found["external"].wrong("a release by silo needs {silo} in its path; or write partition: pooled")
    return Method(name, topology=topology, partition=partition, external=external, node=place.node)


def _topology(place: Place, found: Mapping[str, Place], *, pooled: bool) -> Choice | None:
    if "topology" not in found or found["topology"].value is None:
        if not pooled:
            place.wrong("write partition: pooled (one generator of all patients) or topology: isolated (one a silo)")
        return None
    entry = found["topology"]
    word = entry.value.get("name") if isinstance(entry.value, dict) else entry.node
    if (word.value if word is not None else None) != "isolated":
        entry.wrong("what is made elsewhere shares nothing; write topology: isolated, or partition: pooled")
    return Choice("isolated")


def read_external(place: Place) -> External:
    """One of command, peer and release; env, files and limit with a command."""
    found = place.fields(KEYS)
    if isinstance(place.value, dict) and not {"command", "peer", "release"} & found.keys():
        place.wrong("one of command, peer and release is needed")
    if "release" in found:
        for key in (key for key in found if key != "release"):
            found[key].wrong(f"a release is there already; remove '{key}', or 'release'")
        return External(release=found["release"].text())
    return External(
        command=_command(found["command"]) if "command" in found else (),
        env=_env(found["env"]) if "env" in found else {},
        files=tuple(item.text() for item in found["files"].items()) if "files" in found else (),
        peer=found["peer"].name() if "peer" in found else "",
        limit_seconds=found["limit"].seconds(600.0) if "limit" in found else 600.0,
    )


def _command(place: Place) -> tuple[str, ...]:
    """Words; numbers and flags are taken as they are written."""
    words = tuple(str(item.value) if type(item.value) in (int, float) else item.text() for item in place.items())
    for blank, what in NEEDED.items():
        if words and not any(blank in word for word in words):
            place.wrong(f"the command needs {blank}: {what}")
    if place.value == []:
        place.wrong("at least one word is needed")
    return words


def _env(place: Place) -> dict[str, str]:
    return {
        key: str(entry.value) if type(entry.value) in (int, float) else entry.text() for key, entry in place.entries().items()
    }


def check_external(method: Method, folder: str, problems: Problems) -> None:
    """Record an unknown recipe, and files that the command names and that are not there."""
    if method.external is None:
        return
    path = f"methods.{method.name.partition('[')[0]}.external"
    node = method.node.at("external")
    known = [each.name for each in recipes()]
    peer = method.external.peer
    if peer and peer not in known:
        text = f"unknown recipe '{peer}'.{did_you_mean(peer, known)} Known: {', '.join(known)} (fpmg-bench peers list)"
        return problems.add(node.at("peer"), f"{path}.peer", text)
    for word, text in words_of.lacking(at(method.external, folder)):
        key = "files" if word in method.external.files else "command"
        listed: Any = node.at(key).value
        entry = next((each for each in listed if each.value == word), node) if isinstance(listed, list) else node
        problems.add(entry, f"{path}.{key}", text)
    return None


def at(external: External, folder: str) -> External:
    """With relative names that begin in that folder."""
    from dataclasses import replace

    return replace(external, folder=folder)


def external_refusals(spec: TrialSpec, external: External, info: CohortInfo) -> Iterator[str]:
    """Why this trial cannot run on this machine or cohort."""
    if reason := words_of.unready(external):
        yield reason
    if external.peer and not external.command:
        others = sorted({schema.kind for schema in info.schemas.values() if schema.kind not in KINDS})
        if others:
            yield f"the recipe '{external.peer}' makes tables, and {info.name} has {', '.join(others)}"
    if external.release and spec.partition["kind"] != "pooled" and "{silo}" not in external.release:
        yield "a release by silo needs {silo} in its path; or write partition: pooled"
    try:
        if external.release and not words_of.content(external, spec.dataset_name, spec.seed):
            yield f"no release in {words_of.release(external, spec.dataset_name, spec.seed, '*')}"
    except SuiteError as error:
        yield str(error)
