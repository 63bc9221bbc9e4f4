"""Discovery of plug-ins, isolation of broken ones, lazy imports, origins and parameter schemas."""

from fpmg_bench.registry.catalogue import Registry
from fpmg_bench.registry.entry import COMPONENT_KINDS, Broken, ComponentKind, Entry
from fpmg_bench.registry.parameters import Parameter, Problem

__all__ = ["COMPONENT_KINDS", "Broken", "ComponentKind", "Entry", "Parameter", "Problem", "Registry"]
