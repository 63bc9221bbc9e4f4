"""Panels: the verdict, its validity, the leaderboard and the frontier."""
