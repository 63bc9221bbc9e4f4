"""The formal guarantee and the attacks on it."""
