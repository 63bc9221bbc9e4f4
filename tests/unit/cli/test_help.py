"""Help is cheap, complete and true: its examples parse, and the written reference is what the program prints."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from fpmg_bench.cli.app import COMMANDS
from fpmg_bench.cli.reference import GROUPS, help_of, reference

Parse = Callable[[Sequence[str]], tuple[list[str], dict[str, Any]]]
ROOT = Path(__file__).parents[3]
ALL = [[], *([name] for name in COMMANDS), *([name, sub] for name, subs in GROUPS.items() for sub in subs)]


def _examples(command: list[str]) -> list[str]:
    lines = [line.strip() for line in help_of(command).splitlines()]
    return [line for line in lines[lines.index("Examples:") + 1 :] if line.startswith("fpmg-bench ")]


def test_help_imports_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "pandas", "pydantic", "ruamel", "scipy", "optuna", "rich")
    code = (
        "import sys\nfrom fpmg_bench.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as done:\n    assert not done.code\n"
        f"sys.stderr.write(' '.join(m for m in {heavy!r} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "Commands:" in done.stdout


@pytest.mark.parametrize("command", ALL, ids=lambda words: " ".join(words) or "program")
def test_every_help_has_examples_that_parse(command: list[str], parse_command: Parse) -> None:
    examples = _examples(command)
    assert examples
    shown = [parse_command(shlex.split(example)[1:])[0] for example in examples]
    assert command in [names[: len(command)] for names in shown]


def test_suites_named_in_examples_exist() -> None:
    from fpmg_bench.suite import packaged_suites

    examples = [line for command in ALL for line in _examples(command) if not line.startswith("fpmg-bench new ")]  # it writes one
    words = {word for line in examples for word in shlex.split(line)}
    files = {word for word in words if word.endswith(".yaml")}
    assert files
    assert all((ROOT / file).is_file() for file in files if (ROOT / "suites").is_dir())
    assert "smoke" in packaged_suites()


def test_the_written_reference_is_what_the_program_prints() -> None:
    written = ROOT / "docs" / "cli.md"
    assert written.read_text(encoding="utf-8") == reference(), "python -m fpmg_bench.cli.reference > docs/cli.md"
