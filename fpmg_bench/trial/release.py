"""Steps 7 and 8: what each silo releases, and what it takes to draw more. Silos with the same weights release the same patients, made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from fpmg_bench.devices import accepted
from fpmg_bench.errors import TrialError
from fpmg_bench.keys import rng_for
from fpmg_bench.trial.decoding import agreeing, decode
from fpmg_bench.trial.requested import Law
from fpmg_bench.trial.vectors import fingerprint, space_of
from fpmg_bench.types import Cohort, Column, Schema

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.trial.parts import Parts
    from fpmg_bench.types import Representation, Rng, Space, State

    Model = Mapping[str, State]  # modality -> encoder state, "generator" -> generator state


@dataclass(frozen=True, slots=True)
class Drawn:
    """One release. vectors [n, d] float32: what the generator drew, one a record, a block for each encoder in their order."""

    records: Cohort
    vectors: NDArray[np.float32]


def release(
    models: Mapping[int, Model], parts: Parts, form: Cohort, requested: NDArray[np.float64], seed: int
) -> dict[int, Drawn]:
    """silo -> what it releases; one object for all silos whose models are the same, bit for bit.

    form: a cohort whose schemas, conditions and leaks the release has; its patients, where it has any, are not looked at. Without
    any schema nothing is decoded: vectors alone, others than a release's, NaN where a modality is absent.
    """
    made: dict[str, Drawn] = {}
    space = space_of(form, parts)
    released = {}
    for silo, model in models.items():
        identity = fingerprint(model)
        if identity not in made and not form.schemas:
            made[identity] = _undecoded(model, parts, form, space, requested, rng_for(seed, "sample", "more"))
        elif identity not in made:
            made[identity] = draw(model, models, parts, form, requested, rng_for(seed, "sample"))
        released[silo] = made[identity]
    return released


def undecoded(form: Cohort) -> Cohort:
    """The form of a release of vectors alone."""
    return form.only(())


def records(drawn: Mapping[int, Drawn]) -> dict[int, Cohort]:
    """silo -> its records alone."""
    return {silo: each.records for silo, each in drawn.items()}


def draw(
    model: Model, models: Mapping[int, Model], parts: Parts, form: Cohort, requested: NDArray[np.float64], rng: Rng
) -> Drawn:
    """One model's release. models: of all silos, whose decoders stand in where it lacks one; form: as above."""
    import numpy as np
    import torch

    space = space_of(form, parts)
    drawn = _drawn(parts, space, model["generator"], torch.as_tensor(requested).float(), rng)
    data: dict[str, Any] = {}
    present = {}
    for i, (modality, block) in enumerate(space.blocks.items()):
        held = modality in model
        state = model[modality] if held else next((m[modality] for m in models.values() if modality in m), None)
        if state is None:
            raise TrialError(
                f"no honest living silo has an encoder of {modality}", "strike other silos, or leave the modality out"
            )
        schema = form.schemas[modality]
        made = decode(parts, schema, modality, state, drawn.z[:, block])
        data[modality] = agreeing(schema, made, form.conditions, requested)
        present[modality] = drawn.present[:, i].numpy() & held
    n = len(requested)
    schemas = {m: form.schemas[m] for m in space.blocks}
    leaks = form.leaks & frozenset(schemas)
    who = np.arange(n), np.zeros(n, np.int64), ("released",)
    return Drawn(
        Cohort(schemas, data, present, form.conditions, requested, *who, leaks), drawn.z.detach().float().contiguous().numpy()
    )


def _undecoded(model: Model, parts: Parts, form: Cohort, space: Space, requested: NDArray[np.float64], rng: Rng) -> Drawn:
    import numpy as np
    import torch

    drawn = _drawn(parts, space, model["generator"], torch.as_tensor(requested).float(), rng)
    vectors = drawn.z.detach().float().numpy().copy()
    for i, (modality, block) in enumerate(space.blocks.items()):
        vectors[~(drawn.present[:, i].numpy() & (modality in model)), block] = np.nan
    n = len(requested)
    return Drawn(Cohort({}, {}, {}, form.conditions, requested, np.arange(n), np.zeros(n, np.int64), ("released",)), vectors)


def _drawn(parts: Parts, space: Space, state: State, requested: Tensor, rng: Rng) -> Representation:
    """One finite vector a row of conditions [n, c]."""
    import torch

    assert parts.generator is not None
    name = type(parts.generator).__name__
    drawn = parts.generator.sample(space, state, requested, rng, **accepted(parts.generator.sample, parts.device))
    shapes, expected = (tuple(drawn.z.shape), tuple(drawn.present.shape)), (len(requested), space.width)
    if shapes != (expected, (len(requested), len(space.blocks))):
        raise TrialError(
            f"generator {name} drew vectors of shape {shapes[0]}, present {shapes[1]}; {expected[0]} of width {expected[1]} were requested",
            "a fault of the generator: `fpmg-bench check NAME` finds it without a trial",
        )
    if not bool(torch.isfinite(drawn.z).all()):
        raise TrialError(f"generator {name} drew vectors that are not finite", "lower lr")
    return drawn


@dataclass(frozen=True, slots=True)
class Recipe:
    """A trained trial's. form: a cohort whose form releases have; what else it holds is not looked at.

    labels: silo -> training records a class [K], noisy ones where sizes are private. silos: those that release, silo -> name.
    """

    form: Cohort
    law: Law
    labels: Mapping[int, NDArray[np.float64]]
    silos: Mapping[int, str]

    def to_json(self) -> dict[str, Any]:
        """Nothing of patients but these counts."""
        return {
            "form": form_note(self.form),
            "drafted": self.form.drafted,
            "law": self.law.to_json(),
            "labels": {str(silo): counts.tolist() for silo, counts in self.labels.items()},
            "silos": {str(silo): name for silo, name in self.silos.items()},
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Recipe:
        """The reverse of `to_json`; its form has no patients."""
        import numpy as np

        form = form_of(said["form"])
        form = replace(form, drafted=bool(said["drafted"]))
        law = Law.from_json(form.conditions, len(form.classes), said["law"])
        labels = {int(silo): np.asarray(counts, dtype=np.float64) for silo, counts in said["labels"].items()}
        return cls(form, law, labels, {int(silo): name for silo, name in said["silos"].items()})


def form_note(cohort: Cohort) -> dict[str, Any]:
    """Schemas, conditions and leaks of a cohort as JSON: nothing of its patients."""
    schemas = {name: asdict(schema) for name, schema in cohort.schemas.items()}
    return {"schemas": schemas, "conditions": [asdict(c) for c in cohort.conditions], "leaks": sorted(cohort.leaks)}


def form_of(note: Mapping[str, Any]) -> Cohort:
    """A cohort of this form that has no patients."""
    import numpy as np

    conditions = tuple(Column.from_json(column) for column in note["conditions"])
    nobody = np.zeros(0, np.int64)
    schemas = {name: Schema.from_json(schema) for name, schema in note["schemas"].items()}
    return Cohort(schemas, {}, {}, conditions, np.zeros((0, len(conditions))), nobody, nobody, (), frozenset(note["leaks"]))
