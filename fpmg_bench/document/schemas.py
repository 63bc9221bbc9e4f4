"""Where the JSON schemas of suites and of cohort.yaml are, and the line by which an editor finds one."""

from __future__ import annotations

NAMES = ("suite", "cohort")
HOME = "https://raw.githubusercontent.com/fpmg-bench/fpmg-bench/main/schemas/{}.json"
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def editor_line(name: str, place: str = "") -> str:
    """The first line of a file in that format. place: of the schema, where it is not the one on the web."""
    return f"# yaml-language-server: $schema={place or HOME.format(name)}\n"
