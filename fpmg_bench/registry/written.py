"""A constructor's parameters as the source writes them: a suite is checked before any component, and all that it needs, is imported."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from fpmg_bench.registry.parameters import Parameter
from fpmg_bench.registry.sources import absolute, module_file

LIGHT = frozenset({"annotated_types", "collections.abc", "pathlib", "pydantic", "typing"})  # what annotations are made of


class Unclear(Exception):
    """The source does not say it plainly; importing it does."""


def written(module: str, name: str) -> dict[str, Parameter] | None:
    """What `signature_of` gives for this class, read from the source; None where only the import can tell.

    Plain are a class without decorator or metaclass, its own `__init__` or that of its only base, and annotations and defaults made
    of builtins, `typing`, `annotated_types` and constants.
    """
    try:
        return _parameters(_Source(module), name)
    except Unclear:
        return None


class _Source(Mapping[str, Any]):
    """The names at a module's top level, each evaluated when it is asked for."""

    def __init__(self, module: str) -> None:
        file = module_file(module)
        if file is None:
            raise Unclear(module)
        self.module, self.package = module, file.name == "__init__.py"
        self.bound: dict[str, list[ast.stmt]] = {}
        try:
            body = ast.parse(file.read_bytes()).body
        except SyntaxError as error:
            raise Unclear(module) from error
        for statement in body:
            for name in _binds(statement):
                self.bound.setdefault(name, []).append(statement)

    def __iter__(self) -> Iterator[str]:
        return iter(self.bound)

    def __len__(self) -> int:
        return len(self.bound)

    def __getitem__(self, name: str) -> Any:
        if name not in self.bound:
            return getattr(builtins, name)
        match self.bound[name]:
            case [ast.Assign(value=value)] | [ast.AnnAssign(value=ast.expr() as value)]:
                return self.value(value)
            case [ast.Import(names=names)]:
                return _light(next(alias.name for alias in names if name == (alias.asname or alias.name)))
            case [ast.ImportFrom() as imported]:
                module, other = self.origin(imported, name)
                return getattr(_light(module), other) if module in LIGHT else _Source(module)[other]
        raise Unclear(name)

    def origin(self, imported: ast.ImportFrom, name: str) -> tuple[str, str]:
        """(module, name there) of a name that is imported from."""
        alias = next(alias for alias in imported.names if name == (alias.asname or alias.name))
        return absolute(imported, self.module, self.package), alias.name

    def value(self, expression: ast.expr) -> Any:
        """An annotation, a default or a constant."""
        try:
            return eval(compile(ast.Expression(expression), self.module, "eval"), {"__builtins__": {}}, self)
        except Unclear:
            raise
        except Exception as error:
            raise Unclear(self.module) from error


def _parameters(source: _Source, name: str) -> dict[str, Parameter]:
    match source.bound.get(name):
        case [ast.ImportFrom() as imported]:
            module, other = source.origin(imported, name)
            return _parameters(_Source(module), other)
        case [ast.ClassDef(bases=bases, keywords=[], decorator_list=[], body=body)] if all(map(_plain, body)):
            init = next((each for each in body if isinstance(each, ast.FunctionDef) and each.name == "__init__"), None)
            if init is not None:
                return _signature(source, init)
            if not bases:
                return {}
            if len(bases) == 1 and isinstance(bases[0], ast.Name):
                return _parameters(source, bases[0].id)
    raise Unclear(name)


def _signature(source: _Source, init: ast.FunctionDef) -> dict[str, Parameter]:
    given = init.args
    if init.decorator_list or given.vararg or given.kwarg or given.posonlyargs:
        raise Unclear(source.module)
    places = [*given.args[1:], *given.kwonlyargs]
    own = given.defaults[-len(given.args[1:]) :] if given.args[1:] else []
    defaults = [*[None] * (len(given.args) - 1 - len(own)), *own, *given.kw_defaults]
    return {place.arg: _parameter(source, place, default) for place, default in zip(places, defaults, strict=True)}


def _parameter(source: _Source, place: ast.arg, default: ast.expr | None) -> Parameter:
    if place.annotation is None:
        raise Unclear(place.arg)
    annotation = source.value(place.annotation)
    if isinstance(annotation, str):
        raise Unclear(place.arg)
    return Parameter(place.arg, annotation, None if default is None else source.value(default), default is None)


def _plain(statement: ast.stmt) -> bool:
    """A statement of a class that cannot hide another constructor."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return statement.name != "__new__"
    named = isinstance(statement, (ast.Assign, ast.AnnAssign)) and not {"__init__", "__new__", "__signature__"} & {
        *_binds(statement)
    }
    return named or isinstance(statement, (ast.Expr, ast.Pass))


def _binds(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement may give a meaning, those in its branches too."""
    match statement:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name for alias in names)
        case _:
            yield from (node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
            inner = [node for node in ast.walk(statement) if isinstance(node, ast.stmt) and node is not statement]
            for each in inner:
                if isinstance(each, (ast.ClassDef, ast.FunctionDef, ast.Import, ast.ImportFrom)):
                    yield from _binds(each)


def _light(module: str) -> Any:
    if module not in LIGHT:
        raise Unclear(module)
    return import_module(module)
