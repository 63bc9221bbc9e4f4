"""What a reader answered: a file of the sheet, or one typed from paper."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.document import brief, did_you_mean
from fpmg_bench.errors import StoreError
from fpmg_bench.reader_study.sheet import CONFIDENCE, FORMAT, VERDICTS, VERSION
from fpmg_bench.store import Damaged
from fpmg_bench.store.reading import read_bytes

if TYPE_CHECKING:
    from fpmg_bench.reader_study.key import Key

LARGEST = 1 << 24  # bytes: thousands of cases with long remarks
WAY_OUT = "give the file that `Save answers` of the sheet wrote"


@dataclass(frozen=True, slots=True)
class Answer:
    """None where the reader left it open. The remark is for people: no number comes of it."""

    verdict: str | None = None
    confidence: int | None = None
    label: str | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """answers: case -> what was said of it; cases that the file lacks are not in it."""

    name: str
    answers: Mapping[int, Answer]


def read_answers(paths: Sequence[Path], key: Key) -> list[Reader]:
    """One reader a file. Raises StoreError with the place where a file is no answer to this study, or two are of one reader."""
    found: dict[str, Path] = {}
    readers = []
    for path in paths:
        reader = _reader(path, key)
        if reader.name in found:
            raise StoreError(f"{path}: the reader of {found[reader.name]} again", "one file a reader: leave the older one out")
        found[reader.name] = path
        readers.append(reader)
    return readers


def _reader(path: Path, key: Key) -> Reader:
    said = _object(path)
    if said.get("format") != FORMAT or said.get("version") != VERSION:
        raise StoreError(f"{path}: no answers to a reader study ({FORMAT!r}, version {VERSION})", WAY_OUT)
    if said.get("study") != key.study:
        raise StoreError(f"{path}: answers another study, not {key.study}", "give the key.json that lies beside its sheet")
    name, entries = said.get("reader"), said.get("answers")
    if not isinstance(name, str) or not name.strip():
        raise StoreError(f"{path}: reader: a name was expected", 'write "reader": "initials" into the file')
    if not isinstance(entries, list):
        raise StoreError(f"{path}: answers: a list was expected", WAY_OUT)
    answers: dict[int, Answer] = {}
    for at, entry in enumerate(entries):
        place = f"{path}: answers[{at}]"
        case = _case(entry, place, key)
        if case in answers:
            raise StoreError(f"{place}: case {case} is answered twice", "keep one of the two")
        answers[case] = _answer(entry, f"{place} (case {case})", key)
    return Reader(name.strip(), answers)


def _object(path: Path) -> Mapping[str, Any]:
    data = read_bytes(path, LARGEST)
    if data is None:
        raise StoreError(f"{path}: no such file", WAY_OUT)
    if isinstance(data, Damaged):
        raise StoreError(f"{path}: {data.why}", WAY_OUT)
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise StoreError(f"{path}:{error.lineno}:{error.colno}: no JSON: {error.msg}", WAY_OUT) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise StoreError(f"{path}: no JSON", WAY_OUT) from error
    if not isinstance(found, dict):
        raise StoreError(f"{path}: an object was expected", WAY_OUT)
    return found


def _case(entry: Any, place: str, key: Key) -> int:
    case = entry.get("case") if isinstance(entry, dict) else None
    if not isinstance(case, int) or isinstance(case, bool):
        raise StoreError(f"{place}: no number of a case", '{"case": 1, "verdict": "real", "confidence": 3}')
    if case not in key.kinds:
        raise StoreError(f"{place}: no case {case}", f"the study has {len(key.kinds)}")
    return case


def _answer(entry: Mapping[str, Any], place: str, key: Key) -> Answer:
    verdict, sure, label, remark = (entry.get(name) for name in ("verdict", "confidence", "label", "remark"))
    _one_of(verdict, VERDICTS, f"{place}: verdict")
    _one_of(label, key.labels, f"{place}: label")
    if sure is not None and (isinstance(sure, bool) or sure not in CONFIDENCE):
        raise StoreError(f"{place}: confidence: a whole number from {CONFIDENCE[0]} to {CONFIDENCE[-1]} was expected", "or null")
    if remark is not None and not isinstance(remark, str):
        raise StoreError(f"{place}: remark: text was expected", "or leave it out")
    return Answer(verdict, None if sure is None else int(sure), label, remark or "")


def _one_of(value: Any, known: Sequence[str], place: str) -> None:
    if value is None or value in known:
        return
    near = did_you_mean(value, known) if isinstance(value, str) else ""
    raise StoreError(
        f"{place}: {brief(repr(value))}: no such answer.{near}", f"one of {', '.join(known)}; or null" if known else "null"
    )
