"""Requested against produced conditions."""

from fpmg_plugins.moved import within

__getattr__ = within(__name__, "Balance")
