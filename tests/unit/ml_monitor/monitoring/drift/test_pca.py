"""The PCA reconstruction error beside scikit-learn's parts put together."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from ml_monitor.monitoring.columns import CategoryColumn, Column, NumberColumn, category_column, number_column
from ml_monitor.monitoring.drift.pca import PcaReconstruction


def table(rows: int, seed: int) -> dict[str, Column]:
    random = np.random.default_rng(seed)
    common = random.standard_normal(rows)
    columns: dict[str, Column] = {
        f"number_{place}": number_column(common * place + random.standard_normal(rows)) for place in range(6)
    }
    columns["holes"] = number_column(np.where(random.random(rows) < 0.2, np.nan, common))
    columns["district"] = category_column(random.choice(["north", "south", "east", None], rows, p=[0.5, 0.2, 0.2, 0.1]))
    columns["constant"] = number_column(np.full(rows, 0.1))
    return columns


def encoded(columns: Mapping[str, Column], reference: Mapping[str, Column]) -> np.ndarray:
    """Impute by mean and most frequent label, encode labels by their frequency in the reference: in plain steps."""
    done = []
    for name in sorted(reference):
        column, before = columns[name], reference[name]
        if isinstance(column, NumberColumn) and isinstance(before, NumberColumn):
            done.append(np.where(np.isnan(column.values), np.nanmean(before.values), column.values))
        elif isinstance(column, CategoryColumn) and isinstance(before, CategoryColumn):
            most = before.labels[int(np.argmax(before.counts()))]
            filled = [most if code < 0 else before.labels[code] for code in before.codes]
            labels = [most if code < 0 else column.labels[code] for code in column.codes]
            done.append(np.array([filled.count(label) / len(filled) for label in labels]))
    return np.column_stack(done)


@pytest.mark.parametrize("rows", [300, 9_000], ids=["one block", "several blocks"])
def test_the_error_is_that_of_scikit_learns_parts(rows: int) -> None:
    reference, current = table(rows, 1), table(500, 2)
    method = PcaReconstruction()
    measured = method.measure(method.fit(reference), current)
    scaler = StandardScaler().fit(encoded(reference, reference))
    pca = PCA(n_components=0.65, svd_solver="full").fit(scaler.transform(encoded(reference, reference)))
    scaled = scaler.transform(encoded(current, reference))
    lengths = np.linalg.norm(scaled - pca.inverse_transform(pca.transform(scaled)), axis=1)
    assert measured.value == pytest.approx(np.mean(lengths), rel=1e-9)
    assert measured.standard_error == pytest.approx(np.std(lengths, ddof=1) / np.sqrt(500), rel=1e-9)
    assert measured.rows == 500


def test_a_broken_correlation_shows_though_each_column_is_as_it_was() -> None:
    random = np.random.default_rng(3)
    first = random.standard_normal(4_000)
    reference: dict[str, Column] = {"a": number_column(first), "b": number_column(first + random.random(4_000) / 10)}
    method = PcaReconstruction()
    statistics = method.fit(reference)
    broken = {**reference, "b": reference["b"][random.permutation(4_000)]}
    before, after = (method.measure(statistics, side).value for side in (reference, broken))
    assert isinstance(before, float) and isinstance(after, float)
    assert after > 10 * before


def test_an_unseen_label_is_one_of_frequency_nothing() -> None:
    method = PcaReconstruction()
    numbers = np.random.default_rng(4).standard_normal((3, 60))
    reference: dict[str, Column] = {f"n{place}": number_column(row) for place, row in enumerate(numbers)}
    reference["label"] = category_column(["a"] * 30 + ["b"] * 20 + ["c"] * 10)
    statistics = method.fit(reference)
    unseen = {**reference, "label": category_column(["z"] * 60)}
    encoder = next(each for each in statistics.encoders if each.name == "label")
    assert encoder.label_values(("a", "z")).tolist() == [0.5, 0.0, 0.5]
    assert method.measure(statistics, unseen).value != method.measure(statistics, reference).value


def test_one_row_has_an_error_but_no_standard_error() -> None:
    method = PcaReconstruction()
    measured = method.measure(method.fit(table(100, 1)), {name: each[:1] for name, each in table(5, 2).items()})
    assert isinstance(measured.value, float)
    assert measured.standard_error is None


def test_memory_does_not_grow_with_the_rows_of_the_table() -> None:
    random = np.random.default_rng(5)
    columns: dict[str, Column] = {str(place): number_column(random.standard_normal(120_000)) for place in range(20)}
    whole = sum(column.values.nbytes for column in columns.values() if isinstance(column, NumberColumn))

    def peak(work: Any) -> int:
        tracemalloc.start()
        work()
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    method = PcaReconstruction()
    statistics = method.fit(columns)
    assert peak(lambda: method.fit(columns)) < whole / 5
    assert peak(lambda: method.measure(statistics, columns)) < whole / 5
