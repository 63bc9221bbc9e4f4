"""Is the noise that a shard says it added the noise of its keys? What no outcome tells: noise that somebody could compute, or has met.

Simulated noise follows from the suite's seed, so it is drawn again, and must take as many words of its stream: the sampler rejects some,
so the number is the key's own. Of secure noise the keys are gone: what is left is that no two openings had one key, and that the sampler
took two words a number at least.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpmg_bench.cipher import Stream

AT_MOST = 20_000_000  # numbers drawn again a stage: half a second
LEAST = 2  # words of a number

Opening = Mapping[str, Any]


def violations(silo: Mapping[str, Any], trial: Mapping[str, Any]) -> Iterator[str]:
    """A line for every stage of a silo's `observed` whose noise is not that of its keys. trial: trial.json."""
    secure = bool((trial["spec"].get("privacy") or {}).get("secure"))
    for stage, seen in silo.get("observed", {}).items():
        openings: Sequence[Opening] = seen.get("openings") or ()
        yield from _again(stage, openings)
        yield from _short(stage, openings) if secure else _other(stage, openings, int(trial["spec"]["seed"]))


def _again(stage: str, openings: Sequence[Opening]) -> Iterator[str]:
    """One key at two openings: their difference has no noise. One opening twice: the same, or drawn anew for what others have already."""
    marks = Counter(mark for mark, _ in {(each["mark"], tuple(each["path"])) for each in openings})
    if repeated := sum(count - 1 for count in marks.values()):
        yield f"{stage}: {repeated} of {len(openings)} openings have the key of another"
    paths = Counter(tuple(each["path"]) for each in openings)
    if twice := sum(count - 1 for count in paths.values()):
        yield f"{stage}: {twice} of {len(openings)} openings were there before: the same noise again, or other noise for what others have"


def _short(stage: str, openings: Sequence[Opening]) -> Iterator[str]:
    numbers = sum(n * times for each in openings for n, times in each["calls"])
    words = sum(each["words"] for each in openings)
    if words < LEAST * numbers:
        yield f"{stage}: noise on {numbers:,} numbers took {words:,} words of its keys, at least {LEAST * numbers:,} are needed"


def _other(stage: str, openings: Sequence[Opening], seed: int) -> Iterator[str]:
    from fpmg_bench.cipher import Stream
    from fpmg_bench.keys import key_for

    left, looked, wrong = AT_MOST, 0, 0
    for each in openings:
        left -= sum(n * times for n, times in each["calls"])
        if left < 0 and looked:
            break
        key = key_for(seed, *each["path"])
        looked += 1
        wrong += (
            each["mark"] != key_for(key, "mark").hex()[:16] or _words(Stream.of(key, "noise"), each["calls"]) != each["words"]
        )
    if wrong:
        yield f"{stage}: the noise of {wrong} of {looked} openings is not that of the suite's seed"


def _words(stream: Stream, calls: Sequence[Sequence[int]]) -> int:
    """How many words noise on so many numbers takes."""
    from fpmg_bench.privacy.noise import gaussian

    for n, times in calls:
        for _ in range(times):
            gaussian(n, stream)
    return stream.taken
