"""The names under which things are kept: what all stores can hold, so that none takes what another would refuse."""

from __future__ import annotations

import re
from collections.abc import Collection

from ml_core.records import MODEL_NAME
from ml_core.store.deciding import is_text, show

RECORD_KINDS = ("predictions", "ground_truths", "metric_points", "observations", "forecasts")
"""All kinds of records, as they are counted and dropped."""

MAX_NAME_CHARACTERS = 191
"""Of a name that stands beside others in a key: MariaDB has room for 3,072 bytes in one, 4 to a character."""

_NO_CONTROL = re.compile(r"[^\x00-\x1f\x7f]+")  # MariaDB would sort "a\t" before "a"
EXPECTED_NAME = (
    f"expected 1 to {MAX_NAME_CHARACTERS} characters of text without control characters and with no blank at either end"
)

EXPECTED_WORD = "expected 1 to 64 letters, digits, '_', '.' or '-', starting with a letter or digit"


def unfit_name(name: str) -> str | None:
    """Return why this cannot be the name of a series or a metric, or the key of a document; None if it can."""
    # Blanks at the end are not told apart by the collations of MySQL and MariaDB.
    fits = len(name) <= MAX_NAME_CHARACTERS and name == name.strip() and _NO_CONTROL.fullmatch(name)
    return None if fits and is_text(name) else f"{EXPECTED_NAME}, not {show(name)}"


def check_name(field: str, name: str) -> None:
    """Raise ``ValueError`` that names ``field`` if ``unfit_name`` finds a reason."""
    reason = unfit_name(name)
    if reason is not None:
        raise ValueError(f"{field}: {reason}")


def is_word(word: str) -> bool:
    """Return whether this could be the name of a model, a job or a kind of documents."""
    return MODEL_NAME.fullmatch(word) is not None


def check_word(field: str, word: str) -> None:
    """Raise ``ValueError`` that names ``field`` if this is not such a name."""
    if not is_word(word):
        raise ValueError(f"{field}: {EXPECTED_WORD}, not {show(word)}")


def check_kinds(kinds: Collection[str]) -> set[str]:
    """Return the kinds of records, each once; raise ``ValueError`` for one that does not exist."""
    unknown = sorted(set(kinds) - set(RECORD_KINDS))
    if unknown:
        raise ValueError(f"kinds: expected some of {', '.join(RECORD_KINDS)}, not {show(unknown[0])}")
    return set(kinds)
