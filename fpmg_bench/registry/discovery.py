"""Entry points, one at a time. What fails is set aside with its error; nothing else is affected."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import PluginError
from fpmg_bench.hookspecs import GROUP, Component, Specs
from fpmg_bench.registry.entry import HOOKS, Broken, Entry

if TYPE_CHECKING:
    import pluggy

DISABLE = "FPMG_DISABLE_PLUGINS"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TARGET = re.compile(r"\w+(\.\w+)*:\w+(\.\w+)*")


@dataclass(frozen=True)
class Plugin:
    """A plug-in that loaded: its own pluggy manager, so that it cannot disturb another's.

    unmarked: functions that are named like hooks and lack `@hookimpl`: they are never called.
    """

    distribution: str
    entry_point: str
    manager: pluggy.PluginManager
    entries: tuple[Entry, ...]
    unmarked: tuple[str, ...] = ()


def discover(disabled: Iterable[str] | None = None) -> tuple[list[Plugin], list[Broken]]:
    """Load every entry point of the group "fpmg_bench" whose name or distribution is not disabled.

    disabled: None reads FPMG_DISABLE_PLUGINS (names separated by commas).
    """
    named = os.environ.get(DISABLE, "").split(",") if disabled is None else disabled
    off = {_normal(name) for name in named if name.strip()}
    plugins: list[Plugin] = []
    broken: list[Broken] = []
    for distribution, point in _entry_points():
        if _normal(distribution.name) in off or _normal(point.name) in off:
            continue
        found = _load(distribution, point)
        if isinstance(found, Broken):
            broken.append(found)
        else:
            plugins.append(found)
    return plugins, broken


def error_line(error: BaseException) -> str:
    """Type and message of an exception on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).casefold()


def _entry_points() -> Iterator[tuple[Distribution, EntryPoint]]:
    """In the order of sys.path; a distribution that is found twice counts once, as for an import."""
    seen: set[str] = set()
    for distribution in distributions():
        name: str | None = distribution.metadata["Name"]
        if not name or _normal(name) in seen:
            continue
        seen.add(_normal(name))
        for point in distribution.entry_points:
            if point.group == GROUP:
                yield distribution, point


def _load(distribution: Distribution, point: EntryPoint) -> Plugin | Broken:
    """A plug-in may fail in any way, also by leaving the program; that is recorded here and shown by `fpmg-bench list`."""
    offered: list[Entry] = []
    try:
        manager = _register(point)
        for hook in HOOKS:
            offered += _offers(manager, hook, distribution, point)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - listed as broken, with its traceback
        names = tuple((entry.kind, entry.name) for entry in offered)
        return Broken(distribution.name, point.name, error_line(error), traceback.format_exc(), names)
    return Plugin(distribution.name, point.name, manager, tuple(offered), _unmarked(manager))


def _unmarked(manager: pluggy.PluginManager) -> tuple[str, ...]:
    """Hooks that the plug-in has by name, and that pluggy does not know."""
    (plugin,) = manager.get_plugins()
    hooks = {name: hook for name, hook in vars(manager.hook).items() if callable(getattr(plugin, name, None))}
    return tuple(sorted(name for name, hook in hooks.items() if not hook.get_hookimpls()))


def _register(point: EntryPoint) -> pluggy.PluginManager:
    import pluggy

    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Specs)
    manager.register(point.load(), name=point.name)
    manager.check_pending()
    for hook in manager.hook.__dict__.values():
        if any(each.wrapper or each.hookwrapper for each in hook.get_hookimpls()):
            raise PluginError(f"{hook.name} is a hook wrapper", "a plug-in offers components, it cannot wrap another's hook")
    return manager


def _offers(manager: pluggy.PluginManager, hook: str, distribution: Distribution, point: EntryPoint) -> Iterator[Entry]:
    """The components of one hook; the first wrong one ends the iteration with an error."""
    seen: set[str] = set()
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        where = (distribution.name, distribution.version, point.name)  # each parses the whole METADATA
        for component in implementation.function():
            _check(component, hook)
            if component.name in seen:
                raise PluginError(f"{hook} offers '{component.name}' twice")
            seen.add(component.name)
            yield Entry(component.name, HOOKS[hook], component.target, component.summary, *where, component.formerly)


def _check(component: Any, hook: str) -> None:
    if not isinstance(component, Component):
        raise PluginError(f"{hook} returned {component!r}", "return Component(name, 'package.module:Class', summary)")
    if not _NAME.fullmatch(component.name):
        raise PluginError(f"{hook}: bad name '{component.name}'", "letters, digits, '.', '_' and '-'")
    if not _TARGET.fullmatch(component.target):
        raise PluginError(f"{hook}: '{component.name}' has target '{component.target}'", "write 'package.module:Class'")
