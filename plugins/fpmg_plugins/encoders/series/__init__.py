"""Irregular series."""
