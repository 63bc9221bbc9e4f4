"""The words of a command from elsewhere: which of them are files, what they hold, and what is filled in for the others."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from fpmg_bench.errors import SuiteError
from fpmg_bench.external.recipes import COMMAND, recipe
from fpmg_bench.keys import digest, source_hash
from fpmg_bench.spec import External

SCRIPTS = (".py", ".r", ".jl", ".sh", ".pl")
BLANKS = ("python", "train", "out", "seed", "n")
OF_RELEASE = ("dataset", "seed", "silo")


def written(external: External) -> tuple[str, ...]:
    """The command as it is written, or the recipe's."""
    return external.command or (COMMAND if external.peer else ())


def root(external: External) -> Path:
    """Where its relative names begin: the recipe's folder for a recipe's own command, else the suite's."""
    return recipe(external.peer).folder if external.peer and not external.command else Path(external.folder or ".")


def named(external: External) -> dict[str, Path]:
    """word -> the file that it names. A program that is looked up on PATH, or named in full, is none of the suite's."""
    folder = root(external)
    words = [word for at, word in enumerate(written(external)) if at or not Path(word).is_absolute()]
    found = {word: folder / word for word in words if "{" not in word and _is_file(folder / word)}
    return found | {name: Path(external.folder or ".") / name for name in external.files}


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a word of thousands of characters
        return False


def lacking(external: External) -> Iterator[tuple[str, str]]:
    """(word, what is wrong with it): files that are named and not there."""
    there = named(external)
    for at, word in enumerate(written(external)):
        if (
            word not in there
            and "{" not in word
            and Path(word).suffix.lower() in SCRIPTS
            and not (at == 0 and shutil.which(word))
        ):
            yield word, f"no file '{word}' in {root(external)}"
    for name in external.files:
        if not there[name].is_file():
            yield name, f"no file '{name}' in {external.folder or '.'}"


def unready(external: External) -> str:
    """Why this machine cannot run the command, "" where it can."""
    if external.release:
        return ""
    if external.peer:
        made = recipe(external.peer)
        if (state := made.state()) != "installed":
            said = "is not installed" if state == "not installed" else "was installed with other pins"
            return f"the recipe '{external.peer}' {said}: fpmg-bench peers install {external.peer}"
    program = written(external)[0]
    if program == "{python}" or program in named(external) or shutil.which(program):
        return ""
    return f"no program '{program}' is installed here"


def words(external: External, filled: Mapping[str, str]) -> list[str]:
    """The command with its blanks filled in, and the files that it names in full. filled: train, out, seed, n."""
    python = str(recipe(external.peer).python()) if external.peer else sys.executable
    there = named(external)
    blanks = {f"{{{name}}}": value for name, value in {"python": python, **filled}.items()}
    return [str(there[word].resolve()) if word in there else _replaced(word, blanks) for word in written(external)]


def release(external: External, dataset: str, seed: int, silo: str) -> Path:
    """The folder of one silo's release. Raises SuiteError where the silo's name leads elsewhere."""
    if "{silo}" in external.release and ("/" in silo or silo in (".", "..")):
        raise SuiteError(f"silo '{silo}' is no name of a folder", "a release by silo needs other silo names")
    blanks = {"{dataset}": dataset, "{seed}": str(seed), "{silo}": silo}
    return Path(external.folder or ".") / _replaced(external.release, blanks)


def _replaced(word: str, blanks: Mapping[str, str]) -> str:
    for blank, value in blanks.items():
        word = word.replace(blank, value)
    return word


def content(external: External, dataset: str, seed: int) -> str:
    """Digest of the files that the command names, or of all files of the release; "" where one is not there."""
    if external.release:
        return _of_release(external, dataset, seed)
    there = named(external)
    if external.peer:
        there |= {file.name: file for file in recipe(external.peer).files}
    if not all(file.is_file() for file in there.values()):
        return ""
    return digest({word: source_hash(file) for word, file in there.items()})


def _of_release(external: External, dataset: str, seed: int) -> str:
    """All silos' together: which there will be is known when patients are placed."""
    first, silo, last = external.release.partition("{silo}")
    base = release(External(release=first or ".", folder=external.folder), dataset, seed, "")
    folders = sorted(base.glob(f"*{_replaced(last, {'{dataset}': dataset, '{seed}': str(seed)})}")) if silo else [base]
    found = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]
    return digest({str(file.relative_to(base)): source_hash(file) for file in found}) if found else ""
