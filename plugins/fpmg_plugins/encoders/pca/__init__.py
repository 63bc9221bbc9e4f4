"""Principal components."""

from fpmg_plugins.moved import within

__getattr__ = within(__name__, "Pca")
