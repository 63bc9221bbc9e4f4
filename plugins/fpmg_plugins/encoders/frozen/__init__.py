"""Public readings of every kind: encoding costs no privacy."""

from fpmg_plugins.moved import within

__getattr__ = within(__name__, "Frozen")
