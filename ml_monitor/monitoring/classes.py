"""When two labels are the same class, and which of two classes is the positive one.

Truths come from other hands than predictions: a CSV file says ``1`` where the model said 1.0 or True. So labels are
compared as texts. A number is written without needless digits (1.0 as ``1``), a truth value counts as 1 or 0, and a
text that is a plain number counts as that number. Every other text stands for itself, letter by letter: ``01``, ``1e0``
and ``True`` in quotes are not 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml_monitor.monitoring.inputs import refused
from ml_monitor.monitoring.results import Undefined

_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)
_MOST_CHARACTERS = 16  # a longer one has more digits than a float keeps apart: it is the name of something
_MOST_EXACT = 2.0**53  # from here on so is a shorter one: a float does not hold every whole number
_KNOWN_PAIRS = (("0", "1"), ("-1", "1"), ("false", "true"), ("no", "yes"))
_SHOWN = 5
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """Labels as places in ``names``, which holds every class that was seen: numbers in order, then texts in order."""

    codes: NDArray[np.int64]
    names: tuple[str, ...]


def label_text(value: object) -> str:
    """Return a label as the text by which it is compared."""
    if isinstance(value, str):
        is_number = len(value) <= _MOST_CHARACTERS and _PLAIN_NUMBER.fullmatch(value)
        return _number_text(float(value)) if is_number and abs(float(value)) < _MOST_EXACT else value
    if isinstance(value, (bool, int, np.bool_, np.integer)):
        return str(int(value))
    return _number_text(float(value)) if isinstance(value, (float, np.floating)) else str(value)


def encode(field: str, labels: NDArray[Any]) -> Classes:
    """Return the classes of labels, none of them missing; raise ``InvalidInput`` for what is no number or text."""
    try:
        codes, distinct = pd.factorize(labels)
    except TypeError as error:
        raise refused(field, "numbers or texts") from error
    texts = [label_text(value) for value in distinct]
    names = sorted(set(texts), key=_order)
    places = {name: place for place, name in enumerate(names)}
    place_of_code = np.array([places[text] for text in texts], dtype=np.int64)
    return Classes(place_of_code[codes] if len(codes) else codes.astype(np.int64), tuple(names))


def positive_class(names: tuple[str, ...]) -> str | Undefined:
    """Return which of the classes that were seen is the positive one, if their names say so.

    They do for 1 beside 0 or -1, true beside false and yes beside no, also if only one of the two was seen. Any other
    pair could be meant either way: "fraud" comes before "honest" in the alphabet, and "ham" before "spam".
    """
    seen = {name.lower(): name for name in names}
    for negative, positive in _KNOWN_PAIRS:
        if seen.keys() <= {negative, positive}:
            return seen.get(positive, positive)
    return Undefined(f"the positive class is not known among {list_names(names)}")


def list_names(names: tuple[str, ...]) -> str:
    """Return a few names for a sentence; they are what clients sent, so of any length and number."""
    shown = [name if len(name) <= _SHOWN_CHARACTERS else f"{name[: _SHOWN_CHARACTERS - 1]}…" for name in names[:_SHOWN]]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(shown) + more


def _number_text(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < _MOST_EXACT else repr(number)


def _order(name: str) -> tuple[bool, float, str]:
    return (False, float(name), name) if _PLAIN_NUMBER.fullmatch(name) else (True, 0.0, name)
