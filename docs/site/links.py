"""A hook of mkdocs: links that lead out of docs/ lead to the repository, so that a page is the same text here and on GitHub."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(((?!https?:|mailto:|#)[^)\s#]+)((?:#[^)\s]*)?)\)")


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """The page with those links replaced; one to a file that is not there stays, and --strict refuses it."""
    return rewritten(markdown, page.file.src_uri, config["repo_url"])


def rewritten(markdown: str, page: str, repository: str) -> str:
    """page: its path below docs/."""

    def to(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), found[1]))
        outside = not path.startswith("docs/") or (ROOT / path).is_dir() or path.endswith((".py", ".ipynb"))
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"]({repository}/{kind}/main/{path}{found[2]})" if outside and (ROOT / path).exists() else found[0]

    return LINK.sub(to, markdown)
