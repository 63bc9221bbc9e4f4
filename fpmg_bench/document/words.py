"""Words for messages: the nearest known one, long ones cut, counts with their plural."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

LONGEST_WORD, LONGEST_LINE = 300, 2000  # characters of a message
LEFT = 60  # characters that are left of a longer word
COMPARED = 1000  # known words that a wrong one is compared with
_LONG = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ " Did you mean 'krum'?" with a leading space, or an empty string where nothing is near, or only the word itself."""
    from difflib import get_close_matches

    options = [option for option in islice(known, COMPARED) if option != word]
    folded = {option.casefold(): option for option in reversed(options)}
    near = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6) if len(word) <= LONGEST_WORD else []
    return f" Did you mean '{folded[near[0]]}'?" if near else ""


def brief(text: str) -> str:
    """The text with its long words cut, so that a name of thousands of characters does not fill a terminal."""
    cut = _LONG.sub(lambda found: f"{found[0][:LEFT]}... ({len(found[0]):,} characters)", text)
    return cut if len(cut) <= LONGEST_LINE else f"{cut[:LONGEST_LINE]}... ({len(text):,} characters)"


def plural(n: int, one: str, many: str = "") -> str:
    """ "1 seed", "3 seeds", "1,000 seeds"."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
