"""The registry: every component of every installed plug-in, by kind and name."""

from __future__ import annotations

import html
import importlib
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from fpmg_bench.document import did_you_mean, plural
from fpmg_bench.errors import FpmgError, NameCollision, PluginError, SuiteError, UnknownComponent
from fpmg_bench.hookspecs import CORE, GROUP, Specs
from fpmg_bench.registry import local
from fpmg_bench.registry.discovery import Plugin, discover, error_line
from fpmg_bench.registry.entry import COMPONENT_KINDS, SIGNS, Broken, ComponentKind, Entry
from fpmg_bench.registry.parameters import Parameter, Problem, check, signature_of

if TYPE_CHECKING:
    from fpmg_bench.spec import Choice
    from fpmg_bench.types import Panel

    SchemaOf = Callable[[str, str], Mapping[str, Parameter]]


@dataclass(frozen=True)
class Registry:
    """What can be named in a suite. Components are imported at first use; nothing is cached beyond Python's own modules."""

    plugins: tuple[Plugin, ...] = ()
    broken: tuple[Broken, ...] = ()
    _entries: tuple[Entry, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_entries", tuple(entry for plugin in self.plugins for entry in plugin.entries))

    @classmethod
    def discover(cls, disabled: Iterable[str] | None = None) -> Registry:
        """Read the entry points. disabled: names of entry points or distributions; None reads FPMG_DISABLE_PLUGINS."""
        plugins, broken = discover(disabled)
        return cls(tuple(plugins), tuple(broken))

    def entries(self, kind: str | None = None) -> list[Entry]:
        """All components, or those of one kind, in the order of discovery."""
        return [entry for entry in self._entries if kind in (None, entry.kind)]

    def find(self, kind: str, name: str) -> Entry:
        """The component called `name` or `distribution:name`, or the class that "path/to/file.py:Class" names.

        A bare name that ships means what ships, whoever offers it too.

        Raises UnknownComponent (with the nearest name), NameCollision (a bare name that two third parties offer) or
        PluginError (a name that only a broken plug-in offers).
        """
        in_a_file = local.entry(_known_kind(kind), name)
        if in_a_file is not None:
            return in_a_file
        distribution, _, bare = name.rpartition(":")
        offered = self._offered(kind, name) or self._formerly(kind, bare)
        if len(offered) == 1:
            return offered[0]
        if offered:
            names = " or ".join(f"'{entry.full_name}'" for entry in offered)
            raise NameCollision(f"{kind} '{name}' is offered by {len(offered)} distributions", f"write {names}")
        raise self._missing(kind, name, bare, distribution)

    def name_of(self, entry: Entry) -> str:
        """The shortest name under which `find` gives this component."""
        return entry.name if self._offered(entry.kind, entry.name) == [entry] else entry.full_name

    def note(self, kind: str, name: str) -> str:
        """What a bare name that ships means where a third party offers it too; empty for any other name."""
        if local.is_local(name):
            return ""
        others = [entry.full_name for entry in self.entries(kind) if entry.name == name and entry.distribution != CORE]
        if not others or self.find(kind, name).distribution != CORE:
            return ""
        return f"{kind} '{name}' is {CORE}'s; write {' or '.join(repr(each) for each in others)} for the other"

    def load(self, kind: str, name: str) -> type:
        """The component's class, imported now. Raises PluginError where the import fails."""
        entry = self.find(kind, name)
        try:
            found: Any = importlib.import_module(entry.module)
            for part in entry.attribute.split("."):
                found = getattr(found, part)
        except (Exception, SystemExit) as error:
            text = f"{kind} '{name}' of {entry.distribution} cannot be imported: {error_line(error)}"
            if isinstance(error, AttributeError) and local.is_local(name) and local.classes(entry):
                text = f"{kind} '{name}': its file has no class '{entry.attribute}'.{did_you_mean(entry.attribute, local.classes(entry))}"
            raise PluginError(text.rstrip("."), _hint(entry, error)) from error
        if not isinstance(found, type):
            raise PluginError(f"{kind} '{name}' of {entry.distribution}: {entry.target} is not a class")
        of_a_file = SIGNS[entry.kind] if local.is_local(name) else ()
        if lacking := [each for each in of_a_file if not any(each in vars(base) for base in found.__mro__)]:
            raise PluginError(
                f"{kind} '{name}' has no method {' and no '.join(lacking)}", f"fpmg-bench new {kind} shows what it needs"
            )
        return found

    def parameters(self, kind: str, name: str) -> Mapping[str, Parameter]:
        """The parameter schema: the constructor's signature, imported only where the source does not say it plainly."""
        from fpmg_bench.registry.written import written

        entry = self.find(kind, name)
        plain = written(entry.module, entry.attribute)
        return signature_of(self.load(kind, name)) if plain is None else plain

    def problems(self, kind: str, choice: Choice, schema: SchemaOf | None = None) -> list[Problem]:
        """What is wrong with a choice, each with its path below the component. schema: `parameters`, or the same kept by the caller."""
        try:
            return check(f"{kind} '{choice.name}'", (schema or self.parameters)(kind, choice.name), choice.params)[1]
        except PluginError as error:
            return [Problem((), str(error), plugin=True)]

    def build(self, kind: str, choice: Choice) -> Any:
        """The component with the choice's parameters. Raises SuiteError for wrong parameters, PluginError as `load`."""
        label = f"{kind} '{choice.name}'"
        cls = self.load(kind, choice.name)
        values, problems = check(label, signature_of(cls), choice.params)
        if problems:
            raise SuiteError("; ".join(problem.message for problem in problems), f"fpmg-bench list {kind} {choice.name}")
        try:
            return cls(**values)
        except FpmgError:
            raise
        except Exception as error:
            raise SuiteError(f"{label}: {error_line(error)}", f"fpmg-bench list {kind} {choice.name}") from error

    def version(self, entry: Entry) -> str:
        """ "<distribution version>+<12 digits>", the digits from all that its classes are made of.

        These are the sources of its module and what that imports of its own package and of other plug-ins', the data files beside
        them, and the versions of every distribution that any of them imports from.
        """
        from fpmg_bench.keys import digest, source_hash
        from fpmg_bench.registry.sources import data_files, distributions, family

        modules = family(entry.module, {other.module.partition(".")[0] for other in self.entries()})
        made_of = [source_hash(*modules.values()), source_hash(*data_files(modules)), *distributions(modules)]
        return f"{entry.dist_version}+{digest(made_of)[:12]}"

    def card(self, kind: str, name: str) -> str:
        """What a component says of itself: its module's documentation and its class's. For a metric: its metric card."""
        import inspect

        cls = self.load(kind, name)
        own = inspect.getdoc(cls) or "(no documentation)"
        module = inspect.getdoc(inspect.getmodule(cls)) or ""
        return f"{module}\n\n{own}".strip() if module else own

    def origin(self, kind: str, name: str) -> str:
        """ "file:line" of the class, read from the source without importing it."""
        from fpmg_bench.registry.sources import definition

        entry = self.find(kind, name)
        found = definition(entry.module, entry.attribute.rpartition(".")[2])
        return f"{found[0]}:{found[1]}" if found else entry.target

    def notify(self, hook: str, **kwargs: Any) -> list[str]:
        """Tell every observer; what fails comes back as text and changes nothing."""
        return [answer for answer in self._call(hook, kwargs) if isinstance(answer, str)]

    def observed(self, name: str, observer: object) -> Registry:
        """This registry, with an object whose observer hooks are called as a plug-in's; name: how its failures are told."""
        manager = pluggy.PluginManager(GROUP)
        manager.add_hookspecs(Specs)
        manager.register(observer)
        return Registry((*self.plugins, Plugin(name, name, manager, ())), self.broken)

    def panels(self, run: str) -> list[Panel]:
        """The observers' report panels; a panel that fails becomes one that says so."""
        from fpmg_bench.types import Panel

        panels: list[Panel] = []
        for answer in self._call("fpmg_report_panels", {"run": run}):
            if isinstance(answer, str):
                panels.append(Panel("Panel of a plug-in failed", f"<p>{html.escape(answer)}</p>", answer))
            else:
                panels += answer
        return panels

    def _call(self, hook: str, kwargs: Mapping[str, Any]) -> list[list[Any] | str]:
        """Each implementation by itself: its answer, or a line of text if it failed."""
        answers: list[list[Any] | str] = []
        for plugin in self.plugins:
            for implementation in getattr(plugin.manager.hook, hook).get_hookimpls():
                try:
                    answer = implementation.function(*(kwargs[name] for name in implementation.argnames))
                    answers.append(list(answer) if answer is not None else [])
                except Exception as error:  # noqa: BLE001 - returned as text; an observer cannot stop a run
                    answers.append(f"{plugin.distribution}: {hook}: {error_line(error)}")
        return answers

    def _offered(self, kind: str, name: str) -> list[Entry]:
        """All that a name may mean."""
        distribution, _, bare = name.rpartition(":")
        named = [entry for entry in self.entries(kind) if entry.name == bare]
        chosen = distribution or CORE
        return [entry for entry in named if entry.distribution == chosen] or ([] if distribution else named)

    def _formerly(self, kind: str, name: str) -> list[Entry]:
        """What had this name before."""
        found = [entry for entry in self.entries(kind) if name in entry.formerly]
        for entry in found:
            warnings.warn(f"{kind} '{name}' is now '{entry.name}'; the old name goes with 0.3", FutureWarning, stacklevel=3)
        return found

    def _missing(self, kind: str, name: str, bare: str, distribution: str) -> PluginError:
        for broken in self.broken:
            if (kind, bare) in broken.names or broken.distribution == distribution:
                text = f"{kind} '{name}': plug-in '{broken.entry_point}' of {broken.distribution} is broken: {broken.error}"
                return PluginError(text, "fpmg-bench list shows the traceback")
        known = [entry.full_name if distribution else entry.name for entry in self.entries(kind)]
        suggestion = did_you_mean(name, known)
        away = f"; {plural(len(self.broken), 'plug-in is', 'plug-ins are')} broken" if self.broken else ""
        listing = "topologies" if kind == "topology" else f"{kind}s"
        text = f"unknown {kind} '{name}'."
        return UnknownComponent(f"{text}{suggestion}".rstrip("."), f"fpmg-bench list {kind} shows all {listing}{away}")


def _hint(entry: Entry, error: BaseException) -> str:
    if entry.dist_version != local.VERSION:
        return f"python -c 'import {entry.module}' shows where"
    if isinstance(error, AttributeError) and (classes := local.classes(entry)):
        return f"it has {', '.join(classes)}"
    beside = (
        isinstance(error, ModuleNotFoundError) and error.name and (Path(entry.distribution).parent / f"{error.name}.py").is_file()
    )
    if beside:
        return "a local component is one file, so that its hash tells all of it: put both into one, or make a package of them"
    return f"python {entry.distribution} shows where"


def _known_kind(kind: str) -> ComponentKind:
    for known in COMPONENT_KINDS:
        if kind == known:
            return known
    raise UnknownComponent(f"unknown kind '{kind}'.{did_you_mean(kind, COMPONENT_KINDS)}", "one of " + ", ".join(COMPONENT_KINDS))
