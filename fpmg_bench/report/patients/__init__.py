"""Panels: the cohorts, how silos differ, and patients to look at."""
