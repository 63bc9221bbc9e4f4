"""TensorBoard: event files in <run>/tensorboard/<dataset>/<method>/<seed>, by TensorBoard's own writer; torch is not imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path


class TensorBoardLog:
    """One trial's event file. Settings are not written: `trial.json` has them, and event files know numbers best."""

    def __init__(self, folder: Path) -> None:
        from tensorboard.summary import Writer

        self.writer = Writer(str(folder))

    def settings(self, values: Mapping[str, str]) -> None:
        """Nothing."""

    def numbers(self, values: Mapping[str, float], step: int) -> None:
        """One scalar a name."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def close(self, status: str) -> None:
        """End the writer's thread."""
        self.writer.close()


def opener(root: Path, suite: str) -> Callable[[str], TensorBoardLog]:
    """Raises ModuleNotFoundError without tensorboard."""
    import tensorboard.summary  # noqa: F401 - told now, not at the first round

    return lambda trial: TensorBoardLog(root / "tensorboard" / trial)
