"""Writes the best proposal of a study into a copy of its suite: comments and order stay, only the tuned keys change."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fpmg_bench.spec import Choice, Privacy

if TYPE_CHECKING:
    from fpmg_bench.registry import Registry
    from fpmg_bench.suite import Suite

BY_KEY = ("encoders", "silos")  # these merge by key under `extends`; every other key is replaced whole


def tuned_suite(suite: Suite, params: Mapping[str, Any], registry: Registry) -> str:
    """The suite's text, named "<name>-tuned", with the parameters (dotted path -> value) in the tuned method.

    The `tune` section stays: its holdout keeps evaluation away from the patients that tuning saw.
    """
    from ruamel.yaml import YAML

    from fpmg_bench.suite import with_values

    assert suite.tune is not None
    yaml = YAML()
    yaml.width = 200
    document = yaml.load(suite.text)
    document["name"] = f"{suite.name}-tuned"
    tuned = with_values(suite, suite.tune.method, params, registry).methods[suite.tune.method]
    written = document["methods"][suite.tune.method]
    for path in params:
        top, _, below = path.partition(".")
        if top in BY_KEY:
            key = below.partition(".")[0]
            _set(written, top, key, _plain(getattr(tuned, top)[key]))
        else:
            written[top] = _plain(getattr(tuned, top))
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _set(written: Any, top: str, key: str, value: Any) -> None:
    if top not in written:
        written[top] = {}
    written[top][key] = value


def _plain(value: Any) -> Any:
    """A choice, privacy or partition as a suite writes it."""
    if isinstance(value, Choice):
        return {"name": value.name, **value.params}
    if isinstance(value, Privacy):
        default = asdict(Privacy(value.epsilon, value.delta))
        return {k: v for k, v in asdict(value).items() if k == "epsilon" or (k == "delta" and v) or v != default[k]}
    return dict(value) if isinstance(value, Mapping) else value
