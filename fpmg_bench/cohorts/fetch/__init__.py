"""Gets a public cohort from its home, or from files at hand, checks every file, and turns them into a folder cohort."""

from fpmg_bench.cohorts.fetch.place import fetch, fetchable, folder_of

__all__ = ["fetch", "fetchable", "folder_of"]
