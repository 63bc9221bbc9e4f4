"""Sections to one HTML file: templates, styles and scripts inlined, a policy that forbids every request."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

from fpmg_bench.report.blocks import Section

if TYPE_CHECKING:
    from jinja2 import Environment

REPORT = "fpmg_bench.report"
SCRIPTS = ("figures.js", "boards.js", "sort.js")


def render(sections: Sequence[Section], *, title: str, subtitle: str = "", banner: str = "") -> str:
    """The page. Deterministic: the same sections give the same bytes."""
    scripts = [asset(name) for name in SCRIPTS]
    page = templates().get_template("page.html.j2")
    policy = content_policy(scripts)
    return page.render(
        sections=sections,
        title=title,
        subtitle=subtitle,
        banner=banner,
        policy=policy,
        scripts=scripts,
        style=asset("style.css"),
    )


def templates(*rooms: str) -> Environment:
    """The templates of these packages, and the report's own. Values are escaped, unknown names are errors."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=ChoiceLoader([PackageLoader(room, "templates") for room in (*rooms, REPORT)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return found


def asset(name: str, room: str = REPORT) -> str:
    """A file of the templates folder of a package."""
    return (files(room) / "templates" / name).read_text(encoding="utf-8")


def content_policy(scripts: Sequence[str]) -> str:
    """Nothing but the scripts of this page, by their hashes; pictures from data URIs; no request of any kind."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
