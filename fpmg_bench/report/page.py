"""Sections to one HTML file: templates, styles and scripts inlined, a policy that forbids every request."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fpmg_bench.report.blocks import Figure, Section

if TYPE_CHECKING:
    from jinja2 import Environment

REPORT = "fpmg_bench.report"
PLOTLY = {
    "displaylogo": False,
    "displayModeBar": False,
    "responsive": True,
    "plotlyServerURL": "",
}


def render(sections: Sequence[Section], *, title: str, subtitle: str = "", banner: str = "") -> str:
    """The page. Deterministic: the same sections give the same bytes."""
    from plotly.offline import get_plotlyjs

    drawn = any(isinstance(block, Figure) for section in sections for block in section.blocks)
    scripts = [get_plotlyjs()] if drawn else []
    scripts += [asset("plots.js"), asset("sort.js")] if drawn else [asset("sort.js")]
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
        config=PLOTLY,
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
    found.filters["embed"] = embed
    return found


def asset(name: str, room: str = REPORT) -> str:
    """A file of the templates folder of a package."""
    return (files(room) / "templates" / name).read_text(encoding="utf-8")


def content_policy(scripts: Sequence[str]) -> str:
    """Nothing but the scripts of this page, by their hashes; pictures from data URIs; no request of any kind."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"


def embed(value: Any) -> Any:
    """JSON that is safe inside a script element."""
    from markupsafe import Markup

    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
