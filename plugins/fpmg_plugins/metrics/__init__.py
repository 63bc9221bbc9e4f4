"""Metrics. Each class docstring is its metric card: formula, range, direction, source, smallest n and pitfalls."""
