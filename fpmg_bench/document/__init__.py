"""Strict YAML documents (suites, cohort.yaml): values with positions, all problems in one pass, file names that stay in their folder."""

from fpmg_bench.document.node import EXACT, Node, node_of
from fpmg_bench.document.paths import inside
from fpmg_bench.document.problems import Problems
from fpmg_bench.document.reading import DEEPEST, read_document, read_text
from fpmg_bench.document.words import brief, did_you_mean, plural

__all__ = [
    "DEEPEST",
    "EXACT",
    "Node",
    "Problems",
    "brief",
    "did_you_mean",
    "inside",
    "node_of",
    "plural",
    "read_document",
    "read_text",
]
