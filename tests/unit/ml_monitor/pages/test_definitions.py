from __future__ import annotations

from pathlib import Path

import pytest

from ml_monitor.monitoring.drift.catalogue import COLUMN_METHODS
from ml_monitor.pages.definitions import DEFINITIONS

DOCS = (Path(__file__).parents[4] / "docs" / "maths-drift.md").read_text()


def test_each_method_for_a_column_is_defined_in_words() -> None:
    assert DEFINITIONS.keys() == COLUMN_METHODS.keys()


@pytest.mark.parametrize("name", COLUMN_METHODS)
def test_its_formula_is_where_the_page_says(name: str) -> None:
    assert f"`{name}`" in DOCS
    definition = DEFINITIONS[name]
    for text in (definition.meaning, definition.reading, definition.blind):
        assert text.endswith(".")
