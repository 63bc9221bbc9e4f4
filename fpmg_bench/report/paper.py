"""The page on paper: printed to a PDF by a headless browser, where there is one. The browser is asked to call nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from fpmg_bench.errors import StoreError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
LIMIT = 300  # seconds


def browser() -> str:
    """The first browser on PATH that prints. Raises StoreError."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise StoreError(
            f"--pdf: no browser that prints is on PATH ({', '.join(BROWSERS)})", "install chromium, or open the page and print it"
        )
    return found


def print_page(page: Path, out: Path) -> Path:
    """Write the page as a PDF, landscape A4, and return its path. Raises StoreError without a browser, or where it fails."""
    program = browser()
    with tempfile.TemporaryDirectory(prefix="fpmg-print-") as folder:
        made = Path(folder) / "page.pdf"
        # browsers refuse their sandbox to root; the page's own policy forbids every request and all scripts but its own
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        words = [
            program,
            "--headless",
            "--disable-gpu",
            *root,
            *QUIET,
            f"--user-data-dir={folder}/user",
            "--no-pdf-header-footer",
        ]
        words += ["--virtual-time-budget=20000", f"--print-to-pdf={made}", page.resolve().as_uri()]
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StoreError(
                f"--pdf: {program} did not print {page}: {type(error).__name__}", "open the page and print it"
            ) from error
        if done.returncode or not made.is_file():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise StoreError(f"--pdf: {program} did not print {page}: {last}", "open the page and print it")
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, out)
    return out
