"""File names that a document or a table gives: they stay in their folder, whatever they say."""

from __future__ import annotations

from pathlib import Path

from fpmg_bench.errors import DatasetError


def inside(folder: Path, name: str, place: str) -> Path:
    """The file called `name` in `folder`, links followed; it need not exist. place: where the name is written.

    Raises DatasetError where the name is absolute, holds `..` or follows a link, and thereby leads out of the folder; where it
    leads to the folder itself; and where it can be no file's name.
    """
    try:
        root = folder.resolve()
        found = (root / name).resolve()
        found.exists()  # a name that is too long raises here, and not wherever it is used first
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise DatasetError(f"{place}: no name of a file ({why})", "name a file below the folder") from error
    if not found.is_relative_to(root):
        raise DatasetError(f"{place}: leads out of {folder}", "what belongs to a cohort lies below its folder")
    if found == root:
        raise DatasetError(f"{place}: names the folder {folder} itself", "name a file below it")
    return found
