"""The page on paper: printed to a PDF by a headless browser, where there is one."""

from __future__ import annotations

from pathlib import Path

from fpmg_bench.report.browser import Browser
from fpmg_bench.store import write_bytes


def print_page(page: Path, out: Path) -> Path:
    """Write the page as a PDF, landscape A4, and return its path. Raises StoreError without a browser, or where it fails."""
    with Browser() as shown:
        shown.open(page)
        write_bytes(out, shown.pdf())
    return out
