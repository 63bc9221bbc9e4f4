"""Panels: metric cards, failures, calibration, provenance, and panels of plug-ins."""
