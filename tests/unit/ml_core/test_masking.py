"""Features that are never stored."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from ml_core.config import load_settings
from ml_core.errors import ConfigurationError
from ml_core.masking import Masking
from ml_core.settings import Settings

ROW = {"income": 7.0, "age": 30, "Avg. Area": 1.5}


def test_nothing_is_masked_by_default() -> None:
    assert Masking().mask("churn", ROW) is ROW


def test_a_feature_is_masked_for_its_model_or_for_all() -> None:
    masking = Masking(("churn.income", "*.age"))
    assert masking.mask("churn", ROW) == {"income": None, "age": None, "Avg. Area": 1.5}
    assert masking.mask("other", ROW) == {"income": 7.0, "age": None, "Avg. Area": 1.5}
    assert ROW["income"] == 7.0


def test_names_may_hold_dots() -> None:
    assert Masking(("churn.v2.Avg. Area",)).mask("churn.v2", ROW)["Avg. Area"] is None
    assert Masking(("*.Avg. Area",)).mask("churn.v2", ROW)["Avg. Area"] is None


@pytest.mark.parametrize("pattern", ["churn.inc", "churn.*", "*", "*.incom", "Churn.income", "churn.income.x"])
def test_only_whole_names_are_masked(pattern: str) -> None:
    assert Masking((pattern,)).mask("churn", ROW) is ROW


def test_a_feature_that_did_not_come_is_not_made_up() -> None:
    assert Masking(("*.income",)).mask("churn", {"age": 1}) == {"age": 1}


def test_the_setting_is_a_list_of_patterns() -> None:
    settings = load_settings({"ML_MASKED_FEATURES": "churn.income, *.age"})
    assert settings.masked_features == ("churn.income", "*.age")
    with pytest.raises(
        ConfigurationError, match=r"ML_MASKED_FEATURES: expected model\.feature, or \*\.feature .* not 'i"
    ):
        load_settings({"ML_MASKED_FEATURES": "income"})
    for wrong in ("", "income", ".income", "churn."):
        with pytest.raises(ValidationError):
            Settings(masked_features=(wrong,))
