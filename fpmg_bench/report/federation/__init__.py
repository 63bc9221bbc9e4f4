"""Panels: rounds, consistency, plumbing, faults and cost of the federation."""
