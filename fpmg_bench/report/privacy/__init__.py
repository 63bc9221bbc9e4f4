"""Panels: what is promised, what attackers find, what neighbours see."""
