"""Which files a bundle has, how they are called, and how large they may be."""

from __future__ import annotations

import re

SCHEMA_VERSION = 1
MANIFEST = "bundle.json"
TABLE = "results.json"
TESTS = "tests.json"
RUN_FILES = ("suite.yaml", "plan.json", "environment.json")
TRIAL_FILES = ("trial.json", "key.json", "ledger.json", "rounds.jsonl")
RELEASES = "synthetic"
MOST_FILES = 100_000
LARGEST = 1 << 28  # bytes of one file: the largest JSON that is read
TOTAL = 1 << 31  # bytes of all files together, unpacked
_PART = r"(?!\.)[^/\\:\x00-\x1f]{1,255}"
_KNOWN = re.compile(
    rf"({'|'.join(map(re.escape, (MANIFEST, TABLE, TESTS, *RUN_FILES)))})"
    rf"|trials/{_PART}/({'|'.join(map(re.escape, TRIAL_FILES))})"
    rf"|(?P<release>trials/{_PART}/{RELEASES}(/{_PART}){{2,5}})"
)


def known(name: str) -> bool:
    """Is this the name of a file of a bundle? No other is written, read or unpacked: every part is a plain name."""
    return _KNOWN.fullmatch(name) is not None


def is_release(name: str) -> bool:
    """A file of synthetic patients: its hash is checked, it is never unpacked."""
    found = _KNOWN.fullmatch(name)
    return found is not None and found["release"] is not None
