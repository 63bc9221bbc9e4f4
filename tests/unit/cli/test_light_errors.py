"""A slip in a suite is answered at once: nothing heavy is imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """\
version: 1
seeds: [0]
datasets: [{name: phantom, patients: 200}]
methods:
  ring: {encoders: {table: autoencoder, text: pca}, generator: parallel-cgan, topology: ring, aggregator: fedavg}
metrics: [rg, tstr, neighbour]
"""
HEAVY = ("torch", "pandas", "sklearn", "scipy", "transformers", "pyarrow", "opacus", "numpy")
SLIPS = {
    "no such suite": (["run", "nosuch"], "", "", "no packaged suite 'nosuch'"),
    "plan of no such suite": (["plan", "nosuch"], "", "", "no packaged suite 'nosuch'"),
    "unknown component": (["run", "s.yaml"], "fedavg", "fedavgg", "Did you mean 'fedavg'?"),
    "unknown dataset": (["plan", "s.yaml"], "phantom", "fantom", "Did you mean 'phantom'?"),
    "wrong value": (["run", "s.yaml"], "parallel-cgan", "{name: parallel-cgan, lr: x}", "wants float for 'lr', got 'x'"),
    "unknown parameter": (["run", "s.yaml"], "patients:", "patiens:", "Did you mean 'patients'?"),
    "unknown key": (["plan", "s.yaml"], "seeds", "seed", "Did you mean 'seeds'?"),
    "unknown kind": (["list", "thing"], "", "", "unknown kind 'thing'"),
    "unknown name": (["list", "metric", "tsrt"], "", "", "Did you mean 'tstr'?"),
}


class Plain:
    """A component without parameters."""


@pytest.mark.parametrize(("words", "old", "new", "said"), SLIPS.values(), ids=SLIPS)
def test_a_slip_imports_nothing_heavy(tmp_path: Path, words: list[str], old: str, new: str, said: str) -> None:
    (tmp_path / "s.yaml").write_text(SUITE.replace(old, new) if old else SUITE)
    code = (
        "import sys\nfrom fpmg_bench.cli import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit as done:\n    assert done.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert said in done.stderr
    assert done.stdout.strip() == "[]"


def test_a_good_suite_names_what_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last look, when nothing else is wrong."""
    from fpmg_bench.errors import PluginError, SuiteError
    from fpmg_bench.registry import Registry
    from fpmg_bench.suite import parse_suite

    def broken(self: Registry, kind: str, name: str) -> type:
        if kind == "metric":
            raise PluginError(f"{kind} '{name}' cannot be imported")
        return Plain

    monkeypatch.setattr(Registry, "load", broken)
    with pytest.raises(SuiteError) as caught:
        parse_suite(SUITE, registry=Registry.discover())
    assert [line.split(": ", 1)[1] for line in caught.value.message.split("\n")] == [
        f"metrics.{index}: metric '{name}' cannot be imported" for index, name in enumerate(("rg", "tstr", "neighbour"))
    ]
    assert caught.value.exit_code == 4


def test_a_slip_stays_small(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SUITE.replace("fedavg", "fedavgg"))
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run([sys.executable, '-m', 'fpmg_bench', 'run', 's.yaml'], stderr=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert int(done.stdout) < 100_000  # KiB: 39,000 here, 745,000 when every component was imported first
