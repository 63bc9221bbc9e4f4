"""`fpmg-bench check`: the conformance kit on one component, without pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpmg_bench.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpmg_bench.registry import Entry, Registry

EPILOG = """\b
Examples:
  fpmg-bench check ./my_generator.py:Mine
  fpmg-bench check gaussian-copula
  fpmg-bench check ./my_rule.py:Mine --set bound=2.0
"""


def command(
    name: Annotated[str, typer.Argument(help="FILE.py:CLASS, or a component by name.", show_default=False)],
    kind: Annotated[str, typer.Option("--kind", help="Its kind, where components of two have that name.")] = "",
    settings: Annotated[list[str] | None, typer.Option("--set", help="A parameter: KEY=VALUE.")] = None,
    traceback: Annotated[bool, typer.Option("--why", help="With the traceback of every check that fails.")] = False,
) -> None:
    """Does a component keep the contract of its kind? The checks that every shipped one passes, each with what it found.

    Exit code 1 where a check fails. A check that does not apply says why.
    """
    from fpmg_bench.cli import console
    from fpmg_bench.document.words import plural
    from fpmg_bench.registry import Registry
    from fpmg_bench.spec import Choice

    registry = Registry.discover()
    entry = _entry(registry, name, kind)
    component = registry.build(entry.kind, Choice(name, dict(map(console.setting, settings or []))))
    rows = list(_checked(component, traceback))
    console.table(f"{entry.kind} {entry.name}", ("", "check", "because"), rows)
    counts = {word: sum(row[0] == word for row in rows) for word in ("passed", "skipped", "FAILED")}
    typer.echo(", ".join(f"{count} {word}" for word, count in counts.items()) + f" of {plural(len(rows), 'check')}")
    if counts["FAILED"]:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _entry(registry: Registry, name: str, kind: str) -> Entry:
    """The component. Raises UnknownComponent where no kind, or more than one, has that name."""
    from fpmg_bench.errors import PluginError, UnknownComponent
    from fpmg_bench.registry import COMPONENT_KINDS
    from fpmg_bench.registry.entry import SIGNS
    from fpmg_bench.registry.local import is_local

    if kind:
        return registry.find(kind, name)
    found, kinds = [], SIGNS if is_local(name) else COMPONENT_KINDS
    for each in kinds:
        try:
            entry = registry.find(each, name)
            if is_local(name):
                registry.load(each, name)
                return entry  # the first whose methods its class has: the surest kinds are tried first
            found.append(entry)
        except PluginError as error:
            reason = error
    if len(found) > 1:
        raise UnknownComponent(f"'{name}' is a {' and a '.join(each.kind for each in found)}", "--kind says which")
    if not found:
        raise _why_not(registry, name) if is_local(name) else reason
    return found[0]


def _why_not(registry: Registry, name: str) -> Exception:
    """Of a class in a file that is of no kind: that it cannot be imported, or what the kinds need."""
    from fpmg_bench.errors import PluginError, UnknownComponent
    from fpmg_bench.registry.entry import SIGNS

    try:
        registry.load("metric", name)
    except PluginError as error:
        if "has no method" not in str(error):
            kind = UnknownComponent if isinstance(error, UnknownComponent) else PluginError
            return kind(error.message.replace("metric '", "component '", 1), error.hint)
    need = "; ".join(f"{kind}: {', '.join(methods)}" for kind, methods in SIGNS.items())
    return PluginError(
        f"'{name}' is no component: the methods that tell are {need}", "fpmg-bench list KIND NAME shows one that is"
    )


def _checked(component: Any, traceback: bool) -> Iterator[tuple[str, str, str]]:
    """(passed | skipped | FAILED, check, why or what it promises)."""
    import traceback as trace

    from fpmg_bench.errors import NotApplicable
    from fpmg_bench.registry.discovery import error_line
    from fpmg_bench.testing import checks_for

    for check in checks_for(component):
        name = check.__name__.removeprefix("check_").replace("_", " ")
        try:
            check(component)
        except NotApplicable as reason:
            yield "skipped", name, reason.reason
        except Exception as error:  # noqa: BLE001 - whatever a component raises is what its check found
            what = error_line(error).removeprefix("AssertionError: ")
            yield "FAILED", name, what if not traceback else f"{what}\n{trace.format_exc()}"
        else:
            yield "passed", name, ""
