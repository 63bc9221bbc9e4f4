"""Errors are a message, a way out and an exit code; a traceback only when asked for."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from fpmg_bench import errors
from fpmg_bench.cli import app, main
from fpmg_bench.cli.progress import Lines, clock, ended


def _run(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(words))
    return int(left.value.code or 0)


def _raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def application(*built: str) -> typer.Typer:
        def program(args: list[str], prog_name: str) -> None:
            raise error

        return program  # type: ignore[return-value]

    monkeypatch.setattr(app, "application", application)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SuiteError("a.yaml:3:1: x: wrong", "do y"), 2),
        (errors.PluginError("broken", "mend it"), 4),
        (errors.StoreError("no run", "give another"), 2),
        (errors.PrivacyError("overspent", "spend less"), 1),
    ],
)
def test_known_errors_print_message_and_hint(
    error: errors.FpmgError, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _raising(monkeypatch, error)
    monkeypatch.delenv("FPMG_TRACEBACK", raising=False)
    assert _run("run") == code
    assert capsys.readouterr().err == f"error: {error.message}\nhint: {error.hint}\n"


@pytest.mark.parametrize(("words", "variable"), [(["run", "--traceback"], None), (["run"], "1")])
def test_tracebacks_only_when_asked_for(
    words: list[str], variable: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _raising(monkeypatch, ZeroDivisionError("oh"))
    monkeypatch.delenv("FPMG_TRACEBACK", raising=False)
    assert _run("run") == 3
    quiet = capsys.readouterr().err
    assert "internal error: ZeroDivisionError: oh" in quiet
    assert "Traceback" not in quiet
    if variable:
        monkeypatch.setenv("FPMG_TRACEBACK", variable)
    assert _run(*words) == 3
    assert "Traceback" in capsys.readouterr().err


def test_an_interruption_says_that_it_can_be_resumed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _raising(monkeypatch, KeyboardInterrupt())
    assert _run("run") == 130
    assert "goes on from here" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["no-such"], ["run"], ["run", "smoke", "--seeds", "a"], ["plan", "smoke", "-k", "("], ["report", "/no/run"]]
)
def test_wrong_usage_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(*words) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_unknown_component_exits_with_4_and_suggests(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("list", "topology", "rink") == 4
    assert "'ring'" in capsys.readouterr().err


def test_times_read_like_a_clock() -> None:
    assert [clock(None), clock(5), clock(75.4), clock(3700)] == ["?", "0:05", "1:15", "1:01:40"]


def test_a_failure_line_names_place_and_reason(capsys: pytest.CaptureFixture[str]) -> None:
    event: dict[str, Any] = {
        "event": "end",
        "trial": "a/b/0",
        "status": "failed",
        "seconds": 61.0,
        "where": "stage2, round 3",
        "reason": "lr",
    }
    assert ended(event) == "failed   a/b/0  1:01  stage2, round 3: lr"
    lines = Lines()
    for each in (
        {"event": "plan", "jobs": 2, "trials": 2, "todo": 1, "kept": 1},
        event,
        {"event": "progress", "done": 1, "total": 1, "eta": 0.0},
    ):
        lines(each)
    assert (
        capsys.readouterr().err
        == "2 trials: 1 to run, 1 kept from before; 2 at a time\n[1/1] failed   a/b/0  1:01  stage2, round 3: lr  (left 0:00)\n"
    )
