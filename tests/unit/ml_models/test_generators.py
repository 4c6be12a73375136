from __future__ import annotations

from io import StringIO

import numpy as np
import pandas as pd

from ml_core.scores import roc_auc_score
from ml_models.generators.fraud import generate_fraud
from ml_models.generators.housing import generate_housing
from ml_models.leaks import find_leaks
from ml_models.trainers.payment_fraud import PaymentFraud


def test_the_same_seed_gives_the_same_table() -> None:
    pd.testing.assert_frame_equal(generate_housing(50), generate_housing(50))
    pd.testing.assert_frame_equal(generate_fraud(50), generate_fraud(50))
    assert not generate_fraud(50).equals(generate_fraud(50, seed=1))


def test_the_columns_are_those_of_the_public_tables() -> None:
    assert list(generate_housing(5).columns) == [
        "Avg. Area Income", "Avg. Area House Age", "Avg. Area Number of Rooms", "Avg. Area Number of Bedrooms",
        "Area Population", "Price", "Address",
    ]  # fmt: skip
    assert list(generate_fraud(5).columns) == [
        "accountAgeDays", "numItems", "localTime", "paymentMethod", "paymentMethodAgeDays", "label",
    ]  # fmt: skip


def test_the_house_table_survives_a_csv_with_its_two_line_addresses() -> None:
    table = generate_housing(40)
    again = pd.read_csv(StringIO(table.to_csv(index=False)))
    assert again["Address"].tolist() == table["Address"].tolist()
    assert all("\n" in address for address in again["Address"])


def test_houses_are_possible() -> None:
    table = generate_housing()
    assert np.isfinite(table.drop(columns="Address").to_numpy(dtype=float)).all()
    assert (table["Price"] > 0).all()
    assert (table["Avg. Area Number of Bedrooms"] < table["Avg. Area Number of Rooms"]).all()


def test_payments_are_possible() -> None:
    table = generate_fraud()
    assert table["accountAgeDays"].between(1, 2000).all()
    assert (table["paymentMethodAgeDays"] <= table["accountAgeDays"]).all()
    assert table["localTime"].between(0, 24).all()
    assert 0.10 < table["label"].mean() < 0.14


def test_no_column_gives_the_label_away() -> None:
    table = generate_fraud()
    assert find_leaks(table, PaymentFraud.features, "label") == {}
    for feature in PaymentFraud.features:
        auc = roc_auc_score(table["label"], table[feature])
        assert max(auc, 1 - auc) < 0.8


def test_no_column_gives_the_price_away() -> None:
    table = generate_housing().drop(columns="Address")
    correlations = table.corr()["Price"].drop("Price").abs()
    assert correlations.max() < 0.8
