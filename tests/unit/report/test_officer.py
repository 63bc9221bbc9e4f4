"""The data officer's light: green for a finite secure epsilon that nothing contradicts, and for nothing else."""

from dataclasses import replace

import pytest

from fpmg_bench.report.officer.light import light

from .small_view import rows, small


def seen(epsilon, noise, attack=0.5, by="membership.worst", **more):
    view, group = small(rows("dp", by, [attack] * 3), {"dp": epsilon} if epsilon else None, seeds=3)
    (method,) = group.methods
    said = {"epsilon": epsilon, "delta": 1e-5, "noise": noise, "schema": "confirmed", **more} if epsilon else None
    method = replace(method, trials=[replace(t, record={**t.record, "privacy": said}) for t in method.trials])
    return light(view, replace(group, methods=[method]), method)


@pytest.mark.parametrize(
    ("epsilon", "noise", "more", "colour"),
    [
        (1.0, "secure", {}, "green"),
        (1.0, "simulated", {}, "amber"),
        (20.0, "secure", {}, "amber"),
        (1.0, "secure", {"schema": "schema not confirmed"}, "amber"),
        (1.0, "secure", {"trusts": ["other"]}, "amber"),
        (1.0, "secure", {"attack": 0.6}, "amber"),
        (1.0, "simulated", {"attack": 0.6}, "red"),
        (None, "", {}, "amber"),
        (None, "", {"attack": 0.6}, "red"),
        (None, "", {"by": "pg.attack_auc"}, "red"),  # the strongest attacks were not tried
    ],
)
def test_colours(epsilon, noise, more, colour):
    found = seen(epsilon, noise, **more)
    assert found.colour == colour and found.reasons
