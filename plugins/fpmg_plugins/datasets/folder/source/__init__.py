"""The other way: records of a folder cohort's schemas as its files are written, from its declaration alone."""

from fpmg_plugins.datasets.folder.source.form import said_of
from fpmg_plugins.datasets.folder.source.writing import write

__all__ = ["said_of", "write"]
