"""A full disk, no rights, no memory, no reader: the operator's to mend, with the file and the way out; never "a bug"."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pytest
import typer

from fpmg_bench.cli import app
from fpmg_bench.errors import ExitCode, MachineError, on_this_machine

SUITE = """version: 1
seeds: [0]
datasets: [{name: folder, root: /no/such/cohort}]
methods: {copy: {control: copy}}
metrics: [rg]
"""


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def application(*built: str) -> typer.Typer:
        def program(args: list[str], prog_name: str) -> None:
            raise error

        return program  # type: ignore[return-value]

    monkeypatch.setattr(app, "application", application)


@pytest.mark.parametrize(
    ("number", "way_out"),
    [
        (errno.ENOSPC, "free some space"), (errno.EDQUOT, "free some space"), (errno.EFBIG, "ulimit -f"), (errno.EROFS, "--out"),
        (errno.EACCES, "--out"), (errno.EMFILE, "ulimit -n"), (errno.ENAMETOOLONG, "shorter"), (errno.ENOMEM, "--jobs"),
        (errno.EISDIR, "the same command goes on"), (errno.EIO, "the same command goes on"),
    ],
)  # fmt: skip
def test_what_the_system_refuses_names_the_file_and_the_way_out(
    number: int, way_out: str, monkeypatch: pytest.MonkeyPatch, exit_code: Any, capsys: Any
) -> None:
    raising(monkeypatch, OSError(number, os.strerror(number), "runs/x/plan.json"))
    assert exit_code("run", "smoke") == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: runs/x/plan.json: {os.strerror(number)}\nhint: ")
    assert way_out in told
    assert "bug" not in told


def test_too_little_memory_is_no_bug_and_a_fault_of_ours_is(monkeypatch: pytest.MonkeyPatch, exit_code: Any, capsys: Any) -> None:
    raising(monkeypatch, MemoryError())
    assert exit_code("run", "smoke") == 2
    assert "hint: fewer --jobs" in capsys.readouterr().err
    raising(monkeypatch, OSError("of no file and no number"))
    assert exit_code("run", "smoke") == 3


def test_exit_code_1_where_there_are_results_already() -> None:
    with pytest.raises(MachineError) as raised, on_this_machine(lambda: True):
        raise OSError(errno.ENOSPC, "x", "report.html")
    assert raised.value.exit_code == ExitCode.SOME_FAILED


def full() -> TextIO:
    return open("/dev/full", "w", encoding="utf-8")


def without_reader() -> TextIO:
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


@contextmanager
def printed_to(stream: TextIO) -> Iterator[None]:
    """In a test's body: pytest sets sys.stdout anew between a test's phases."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        yield
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
    stream.close()


@pytest.mark.parametrize("nowhere", [full, without_reader])
@pytest.mark.parametrize("words", [("list", "topology"), ("--help",), ("list", "--json")])
def test_output_that_goes_nowhere_is_said(words: tuple[str, ...], nowhere: Any, exit_code: Any, capsys: Any) -> None:
    with printed_to(nowhere()):
        assert exit_code(*words) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: standard output: ")
    assert told.count("\nhint: ") == 1


@pytest.mark.parametrize("nowhere", [full, without_reader])
def test_a_run_whose_summary_cannot_be_printed_ran(
    nowhere: Any, monkeypatch: pytest.MonkeyPatch, run_directory: Any, tmp_path: Path, exit_code: Any, capsys: Any
) -> None:
    from fpmg_bench import api
    from fpmg_bench.results import Results

    root = run_directory(tmp_path / "run", {"fpmg": [0.7]})
    monkeypatch.setattr(api, "run", lambda *words, **more: Results(root, ExitCode.OK, {"ok": 1}))
    with printed_to(nowhere()):
        assert exit_code("run", "smoke") == 1
    assert capsys.readouterr().err.startswith("error: standard output: ")


def test_closed_streams(monkeypatch: pytest.MonkeyPatch, exit_code: Any, capsys: Any) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert exit_code("list", "topology") == 2
    assert "standard output: " in capsys.readouterr().err
    monkeypatch.setattr(sys, "stderr", None)
    assert exit_code("list", "topology") == 2
    assert sys.stderr is not None
    sys.stderr.close()


def test_a_cohort_that_cannot_be_read_before_anything_ran(tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    (tmp_path / "own.yaml").write_text(SUITE)
    assert exit_code("run", tmp_path / "own.yaml", "--out", tmp_path / "run") == 2
    assert "own.yaml:3:" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("out", ["x" * 300, "/proc/1/run", "{tmp}/file/run"])
def test_a_run_directory_that_cannot_be(out: str, tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "own.yaml").write_text(
        SUITE.replace("{name: folder, root: /no/such/cohort}", "{name: phantom, patients: 60, modalities: [table]}")
    )
    target = out.format(tmp=tmp_path)
    assert exit_code("run", tmp_path / "own.yaml", "--out", target) == 2
    assert capsys.readouterr().err.startswith(f"error: {target[:60]}")  # long words are cut


def test_a_page_that_cannot_be_written(run_directory: Any, tmp_path: Path, exit_code: Any, capsys: Any) -> None:
    root = run_directory(tmp_path / "run", {"fpmg": [0.7]})
    assert exit_code("report", root, "--out", tmp_path) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
