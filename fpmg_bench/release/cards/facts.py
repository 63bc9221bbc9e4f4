"""All that the cards may say, in one place: what is not here is in no card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpmg_bench.spec import Choice
from fpmg_bench.types import Schema

if TYPE_CHECKING:
    from fpmg_bench.datasets import Form
    from fpmg_bench.release.chosen import Chosen
    from fpmg_bench.release.wishes import Wishes
    from fpmg_bench.spec import Privacy, TrialSpec
    from fpmg_bench.trial.release import Recipe
    from fpmg_bench.types import Cohort


@dataclass(frozen=True, slots=True)
class Facts:
    """One release. told: what is not as in the source; overruled: reasons against it; anyway: why it was made all the same."""

    chosen: Chosen
    recipe: Recipe
    made: Cohort
    told: Sequence[str]
    overruled: Sequence[str]
    anyway: str
    where: str
    wishes: Wishes
    form: Form

    @property
    def spec(self) -> TrialSpec:
        return self.chosen.trial.spec

    @property
    def privacy(self) -> Privacy | None:
        return self.spec.privacy

    @property
    def secure(self) -> bool:
        """Whether an epsilon stands."""
        return self.privacy is not None and self.privacy.secure

    @property
    def whose(self) -> str:
        """What a record has to do with a person."""
        if self.secure:
            return "None was copied from a person, and what any one person added is hidden by noise, as far as privacy.md says"
        return "None was copied on purpose, but nothing keeps a record from being very like, or equal to, a real person's: privacy.md"

    @property
    def licence(self) -> str:
        return str(self.chosen.cohort.get("licence") or "unknown")

    @property
    def cohort(self) -> str:
        """Its name in the suite."""
        return self.spec.dataset_name

    @property
    def card(self) -> Mapping[str, Any]:
        """What the cohort's owner says of its releases: url, creator, published, live."""
        return (self.chosen.cohort.get("source") or {}).get("card") or {}

    @property
    def schemas(self) -> Mapping[str, Schema]:
        return self.made.schemas

    @property
    def sources(self) -> bool:
        """Whether files, columns and codes are the source's."""
        return bool(self.chosen.cohort.get("source")) and self.form != "folder"

    @property
    def trained_on(self) -> str:
        """Whose patients: all, or those that were not held out. No number where sizes are private."""
        whom = (
            "all patients of the cohort"
            if self.spec.final
            else "the training patients of the cohort (others were held out to judge the method)"
        )
        if not self.chosen.public_sizes:
            return whom
        split = self.chosen.result.get("split") or {}
        n = (split.get("train") or {}).get("patients")
        return f"{whom}: {n:,}" if n else whom

    def choice(self, picked: Choice | None) -> str:
        """A component and its parameters: `parallel-cgan (lr=0.0002)`."""
        if picked is None:
            return "none"
        given = ", ".join(f"{name}={value}" for name, value in picked.params.items())
        return f"{picked.name} ({given})" if given else picked.name

    def scores(self, family: str = "") -> list[Mapping[str, Any]]:
        """Final rows of all trials that measured this method on this cohort."""
        rows = [row for trial in self.chosen.evaluated for row in trial.get("scores") or ()]
        return [
            row for row in rows if row.get("status") == "ok" and row.get("round") is None and family in ("", row.get("family"))
        ]


def bullets(lines: Sequence[str]) -> str:
    """A list in Markdown."""
    return "".join(f"- {line}\n" for line in lines)
