"""The recipes of `peers/`: others' generators, each with pinned requirements and a short `synth.py`. None is a dependency of ours."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from fpmg_bench.document import did_you_mean
from fpmg_bench.errors import SuiteError

VARIABLE = "FPMG_PEERS"
HOME = Path("~/.local/share/fpmg-bench/peers")
PINS, SCRIPT, SHARED = "requirements.txt", "synth.py", "plain.py"
COMMAND = ("{python}", SCRIPT, "{train}", "{out}", "{seed}", "{n}")
KINDS = ("table",)  # what the recipes make


@dataclass(frozen=True, slots=True)
class Recipe:
    """One folder of `peers/`: what it pins, and the script that reads {train} and writes {out}."""

    name: str
    folder: Path

    @property
    def about(self) -> str:
        """The first line of its script."""
        text = ast.get_docstring(ast.parse((self.folder / SCRIPT).read_text(encoding="utf-8"))) or ""
        return text.partition("\n")[0]

    @property
    def files(self) -> tuple[Path, ...]:
        """What its numbers depend on."""
        return (self.folder / PINS, self.folder / SCRIPT, self.folder.parent / SHARED)

    def environment(self, to: Path | None = None) -> Path:
        """Where its environment is, or would be."""
        return (to or home()) / self.name

    def python(self, to: Path | None = None) -> Path:
        """Its interpreter."""
        return self.environment(to) / "bin" / "python"

    def state(self, to: Path | None = None) -> str:
        """installed | other pins | not installed."""
        kept = self.environment(to) / PINS
        if not self.python(to).exists() or not kept.is_file():
            return "not installed"
        return "installed" if kept.read_bytes() == (self.folder / PINS).read_bytes() else "other pins"


def home() -> Path:
    """The folder of environments: $FPMG_PEERS, or one in the user's home."""
    return Path(os.environ.get(VARIABLE) or HOME).expanduser()


def recipes() -> list[Recipe]:
    """All that ship, by name."""
    root = Path(str(files("fpmg_bench") / "peers"))
    return [Recipe(each.name, each) for each in sorted(root.iterdir()) if (each / SCRIPT).is_file()]


def recipe(name: str) -> Recipe:
    """The recipe of that name. Raises SuiteError where none ships."""
    known = {each.name: each for each in recipes()}
    if name not in known:
        raise SuiteError(f"no recipe '{name}'.{did_you_mean(name, known)}", f"one of {', '.join(known)} (fpmg-bench peers list)")
    return known[name]


def install(made: Recipe, to: Path | None, call: Callable[[list[str]], None]) -> Path:
    """`python -m venv`, then pip with the pinned requirements, which are complete. call: runs a command, and raises where it fails.

    The pins are kept beside the interpreter last of all: an installation that broke off counts as none.
    """
    import sys

    target = made.environment(to)
    (target / PINS).unlink(missing_ok=True)
    call([sys.executable, "-m", "venv", str(target)])
    call(
        [str(made.python(to)), "-m", "pip", "install", "--no-deps", "--disable-pip-version-check", "-r", str(made.folder / PINS)]
    )
    (target / PINS).write_bytes((made.folder / PINS).read_bytes())
    return target
