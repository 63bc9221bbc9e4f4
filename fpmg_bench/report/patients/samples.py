"""Panel 7: synthetic patients of every modality, and real ones beside them only where the caller hands in a publishable cohort."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.report.blocks import Heading, Prose, Section, Specimen, Specimens
from fpmg_bench.report.drawing.palette import Style
from fpmg_bench.report.patients.specimens import Ranges, of_cohort, of_folder, spans
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import slug

if TYPE_CHECKING:
    from fpmg_bench.types import Cohort

Real = Mapping[str, "Cohort"] | Callable[[str], "Cohort"]
REAL = '<svg class="swatch real" viewBox="0 0 14 14" aria-hidden="true"><path d="M2 2h10v10H2z"/></svg>'


def panel(view: View, real: Real | None = None) -> Section:
    """One row of cards a modality, one card a source. real: dataset name -> cohort, used only where the plan says publishable."""
    blocks = [block for group in view.groups for block in _group(view, group, real)]
    lead = "A few synthetic patients of one seed and one silo's release, the same patients in every modality. They are the first of each label, not chosen by looks. Of encoders alone: held-out patients, and what encoding and decoding made of them. Plots of a channel span the same everywhere, all but its outermost hundredth; a dot is a measurement, what lies beyond stands at the edge."
    return Section("samples", "Synthetic patients", lead, blocks)


def _group(view: View, group: Group, real: Real | None) -> Iterator[Heading | Prose | Specimens]:
    unreadable: list[str] = []
    found = [(name, style, parts) for name, style, parts in _sources(view, group, real, unreadable) if parts]
    yield Heading(f"samples-{group.id}", group.title)
    if real is not None and not group.cohort.get("publishable"):
        yield Prose(["This cohort is not publishable: its real patients are not shown."], "warn")
    if unreadable:
        yield Prose([f"Stored patients that cannot be read: {'; '.join(unreadable)}."], "warn")
    yield from _commands(group)
    if not found and not unreadable:
        yield Prose(["No trial of this cohort has stored synthetic patients."])
    for modality in dict.fromkeys(name for _, _, parts in found for name in parts):
        cards = [(source, swatch, parts[modality]) for source, swatch, parts in found if modality in parts]
        yield Specimens(f"samples-{group.id}-{slug(modality)}", modality, cards, _note(group, modality))


def gallery(view: View, group: Group, names: Collection[str]) -> Iterator[Specimens]:
    """Pictures of held-out patients, what encoders made of them, and these methods' releases; nothing where no run stored the first two.

    A damaged folder is left out: `panel` says so.
    """
    if not any(_held_out(method) for method in group.methods):
        return
    chosen = {*names, *(method.name for method in group.decoded)}
    found = [(name, swatch, parts) for name, swatch, parts in _sources(view, group, None, [], chosen) if parts]
    for modality in dict.fromkeys(
        name for _, _, parts in found for name, part in parts.items() if part.shape in ("image", "video")
    ):
        cards = [(source, swatch, parts[modality]) for source, swatch, parts in found if modality in parts]
        yield Specimens(f"gallery-{group.id}-{slug(modality)}", modality, cards, _note(group, modality))


def _commands(group: Group) -> Iterator[Prose]:
    """Where the patients lie that were judged, and what draws others."""
    stored = next((folder for method in group.methods if method.role == "method" and (folder := release_of(method))), None)
    if stored is None:
        return
    run = stored.parents[3]
    method = next(m.name for m in group.methods if m.role == "method" and release_of(m) == stored)
    yield Prose(
        [
            f"All that were judged lie below {run.name}/trials/KEY/synthetic/SILO/, for example {stored.relative_to(run.parent)}. Others, as many as wanted "
            f"and in the form of the source's files: fpmg-bench release {shlex.quote(str(run))} {shlex.quote(method)} --dataset {shlex.quote(group.dataset)} --to DIR."
        ]
    )


def _note(group: Group, modality: str) -> str:
    return "Contains the label by construction." if modality in (group.cohort.get("leaks") or ()) else ""


def _sources(
    view: View, group: Group, real: Real | None, unreadable: list[str], only: Collection[str] | None = None
) -> Iterator[tuple[str, str, Mapping[str, Specimen]]]:
    held_out = next((found for method in group.methods if (found := _held_out(method))), None)
    order = sorted(group.methods, key=lambda method: method.role != "decoded")  # beside the patients it was made of
    chosen = [method for method in order if only is None or method.name in only]
    folders = [(method.name, folder) for method in chosen if (folder := release_of(method))]
    ranges = _spans([*([held_out] if held_out else []), *(folder for _, folder in folders)])
    if real is not None and group.cohort.get("publishable"):
        cohort = real(group.dataset) if callable(real) else real.get(group.dataset)
        if cohort is not None:
            yield "real patients", REAL, of_cohort(cohort, ranges)
    if held_out is not None:
        yield "held-out patients", REAL, _read(held_out, ranges, unreadable)
    for name, folder in folders:
        style: Style = view.styles[name]
        yield name, style.swatch, _read(folder, ranges, unreadable)


def _spans(folders: Iterable[Path]) -> Ranges:
    """Ranges that the plots of these folders share."""
    found: Ranges = {}
    for folder in folders:
        with contextlib.suppress(Exception):  # `_read` says which folder cannot be read, and why
            found = spans(folder, found)
    return found


def _read(folder: Path, ranges: Ranges, unreadable: list[str]) -> Mapping[str, Specimen]:
    """A few stored patients; none, and why, where the folder is damaged."""
    try:
        return of_folder(folder, ranges)
    except Exception as error:  # noqa: BLE001 - no two readers of pictures and tables complain alike; the page says it
        unreadable.append(f"{folder.parent.parent.name[:12]}/synthetic/{folder.name} ({type(error).__name__}: {error})")
        return {}


def release_of(method: Method) -> Path | None:
    """The first silo's release of the first finished seed."""
    for trial in method.done:
        here = sorted(path.parent for path in (trial.folder / "synthetic").glob("**/cohort.yaml"))
        if here:
            return here[0]
    return None


def _held_out(method: Method) -> Path | None:
    """Patients of a publishable cohort whose round trip the method shows; the same at every method of a seed."""
    folders = [trial.folder / "synthetic" / "held-out" for trial in method.done]
    return next((folder for folder in folders if (folder / "cohort.yaml").is_file()), None)


def banner(real: Any) -> str:
    """What a page with real patients says on top."""
    return (
        "This file shows rows of real patients. Do not pass it on unless the cohort's licence allows it."
        if real is not None
        else ""
    )
