"""The study on disk, so that an interrupted one goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fpmg_bench.errors import StoreError
from fpmg_bench.keys import seed_for

if TYPE_CHECKING:
    import optuna

    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.suite import Suite
    from fpmg_bench.tune.objectives import Objective

STRANGE = (LookupError, ValueError, TypeError, AttributeError, AssertionError)  # what Optuna makes of lines that it did not write


def open_study(
    suite: Suite, journal: Path, objectives: Sequence[Objective], bases: Sequence[TrialSpec], url: str | None = None
) -> optuna.Study:
    """The journal's study of this very question; what was pending when it was killed is closed, its trials are kept by key.

    url: of a database of Optuna's instead of the journal. Raises StoreError where the journal is damaged, or the database fails.
    """
    import optuna

    from fpmg_bench.keys import digest

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    assert suite.tune is not None
    question = digest([suite.tune.method, suite.tune.space, suite.tune.objectives, suite.tune.holdout, list(bases)])
    try:
        study = optuna.create_study(
            storage=_database(url) if url else _journal(journal),
            study_name=question[:16],
            directions=[optuna.study.StudyDirection[o.direction.upper()] for o in objectives],
            load_if_exists=True,
        )
    except STRANGE as error:
        raise StoreError(f"{journal}: no journal of a study", "move it away; the study starts anew, trials are kept") from error
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    # another stream for every continuation, or a resumed study would propose its first points again
    seed = seed_for(bases[0].seed, "tune", len(study.trials)) % 2**32
    study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
    return study


def _journal(file: Path) -> optuna.storages.BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    file.parent.mkdir(parents=True, exist_ok=True)
    return JournalStorage(JournalFileBackend(str(file)))


def _database(url: str) -> optuna.storages.BaseStorage:
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return RDBStorage(url)
    except (SQLAlchemyError, ImportError) as error:  # no such database, no driver for it
        raise StoreError(f"--study {url}: {str(error).splitlines()[0]}", "--study sqlite:///study.db") from error
