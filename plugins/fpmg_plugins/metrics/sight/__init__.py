"""Scores that see what distances miss: pictures nobody could read, texts that are none, values and gaps that cannot be."""
