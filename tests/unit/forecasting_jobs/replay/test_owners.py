"""Each model that the suite trains has an owner, whose command exists."""

from __future__ import annotations

import pytest

from cloudwatch_engine.names import model_name as name_of_instance
from forecasting_jobs.link_traffic.link_series import STEP_NAMES
from forecasting_jobs.link_traffic.train import model_name as name_of_step
from forecasting_jobs.replay.owners import owner_command
from forecasting_jobs.response_time.metrics import model_name as name_of_application

OURS = ("housing_price", "payment_fraud")


@pytest.mark.parametrize(
    ("model", "package"),
    [
        *((name, "ml_models") for name in OURS),
        *((name_of_step(step), "forecasting_jobs link-traffic") for step in STEP_NAMES),
        (name_of_application("Shop 1"), "forecasting_jobs response-time"),
        (name_of_instance("i-0abc"), "cloudwatch_engine"),
        ("anomaly_detector", "anomaly_api"),
    ],
)
def test_a_model_is_trained_by_the_package_that_names_it(model: str, package: str) -> None:
    assert owner_command(model) == (*package.split(), "retrain")


@pytest.mark.parametrize("model", ["", "churn", "my_housing_price", "response_times", "cpu"])
def test_a_model_of_somebody_else_has_none(model: str) -> None:
    assert owner_command(model) is None
