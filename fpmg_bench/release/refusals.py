"""Why a release is refused, each reason with its way out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fpmg_bench.audit.flags import flags
from fpmg_bench.errors import ExitCode, PrivacyError

if TYPE_CHECKING:
    from fpmg_bench.release.chosen import Chosen
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.trial.release import Recipe


class Refused(PrivacyError):
    """Patients that are not handed out; nothing is written."""

    exit_code = ExitCode.USAGE


def must_generate(spec: TrialSpec) -> None:
    """Raises Refused for a trial that no reason in the world can release: nothing in it is made up, or not all trained are patients."""
    if spec.generator is None or spec.control is not None:
        raise Refused(
            f"{spec.id}: {spec.role}: what it gives are real patients, changed", "release a method that has a generator"
        )
    if spec.audit is not None:
        raise Refused(
            f"{spec.id}: an audit's trial: made-up patients are among those it trained on", "release the method without `audit`"
        )


def check(chosen: Chosen, recipe: Recipe, anyway: str) -> list[str]:
    """The reasons that `anyway` overrules, for the cards. Raises Refused for these without it."""
    spec = chosen.trial.spec
    found = list(_reasons(chosen, recipe))
    if found and not anyway.strip():
        reasons = "\n".join(f"- {why}: {way_out}" for why, way_out in found)
        raise Refused(
            f"{spec.id} is not released:\n{reasons}", '--anyway "REASON" releases it, and writes the reason into its cards'
        )
    return [why for why, _ in found]


def _reasons(chosen: Chosen, recipe: Recipe) -> Iterator[tuple[str, str]]:
    """(why, way out)."""
    spec = chosen.trial.spec
    if spec.privacy is not None and not spec.privacy.secure:
        yield (
            "its noise is simulated: it follows from the suite's seed, so its epsilon promises nothing",
            "write `secure: true` under the method's privacy, and run it again",
        )
    if recipe.form.drafted:
        yield (
            "its schema is a draft: ranges and categories were read from patients, and nobody has declared them",
            "check every line of cohort.yaml, write `drafted: false`, and run it again",
        )
    for flag in flags([*chosen.evaluated] or [chosen.result]):
        yield f"red flag: {flag.text}", "find the plug-in or the setting that leaks; a release would tell who was trained on"
