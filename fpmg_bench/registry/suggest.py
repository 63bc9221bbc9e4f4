"""The nearest known word, for errors that name the way out."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ " Did you mean 'krum'?" with a leading space, or an empty string where nothing is near."""
    from difflib import get_close_matches

    options = list(known)
    folded = {option.casefold(): option for option in reversed(options)}
    near = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f" Did you mean '{folded[near[0]]}'?" if near else ""
