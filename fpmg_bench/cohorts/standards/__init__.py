"""OMOP CDM folders and FHIR ndjson as a plain folder: a manifest of persons and a long table, by a mapping in yaml."""

from fpmg_bench.cohorts.standards.convert import convert
from fpmg_bench.cohorts.standards.mapping import Mapping, mapping_of, shipped
from fpmg_bench.cohorts.standards.sources import recognised

__all__ = ["Mapping", "convert", "mapping_of", "recognised", "shipped"]
