"""The files of the first system, kept up to date."""

from __future__ import annotations

import csv

import orjson
import pytest

from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.generated import INSTANCE
from cloudwatch_engine.metric_data import read_dataset
from cloudwatch_engine.names import series_name
from cloudwatch_engine.predictions import read_predictions
from cloudwatch_engine.seed_files import file_of, write_answers, write_data
from ml_core.errors import StoreUnavailable
from tests.factories import an_observation


def test_data_has_the_old_header_and_a_row_a_time_with_gaps_left_empty(fetched: Engine) -> None:
    write_data(fetched, INSTANCE)
    content = (fetched.folder / "data.csv").read_bytes()
    rows = list(csv.reader(content.decode().splitlines()))
    assert rows[0] == [
        "Timestamps",
        "AWS/EC2 NetworkIn",
        "AWS/EC2 NetworkOut",
        "System/Linux MemoryUtilization",
        "AWS/EC2 CPUUtilization",
    ]
    assert len(rows) > 800
    dataset = read_dataset(content)  # what we write we can read
    assert len(dataset.cpu()[1]) == len(rows) - 1
    assert len(dataset.series) == 4


def test_a_metric_that_is_not_known_at_a_time_leaves_an_empty_cell(engine: Engine) -> None:
    engine.store.record_observations(series_name("i-1", "CPUUtilization"), [an_observation()])
    write_data(engine, "i-1")
    assert (engine.folder / "data.csv").read_text().splitlines()[1] == "2026-11-20 12:00:00+00:00,,,,21.5"


def test_answers_are_those_of_the_api(trained: Engine) -> None:
    write_answers(trained, INSTANCE)
    prediction = orjson.loads((trained.folder / "predictions.json").read_bytes())
    assert prediction == {"prediction": read_predictions(trained, INSTANCE)["prediction"]}
    history = orjson.loads((trained.folder / "results.json").read_bytes())["history"]
    assert list(history) == ["loss", "mean_absolute_error", "mean_absolute_percentage_error"]


def test_files_of_a_second_instance_lie_in_a_folder_of_its_own(trained: Engine) -> None:
    trained.store.record_observations(series_name("j-2", "CPUUtilization"), [an_observation()])
    write_data(trained, "j-2")
    assert file_of(trained, INSTANCE, "data.csv") == trained.folder / "data.csv"
    assert (trained.folder / "j-2" / "data.csv").exists()


def test_a_folder_that_cannot_be_written_is_named_with_its_setting(fetched: Engine) -> None:
    fetched.folder.parent.mkdir(parents=True, exist_ok=True)
    fetched.folder.write_text("a file where the folder should be")
    with pytest.raises(StoreUnavailable, match="cannot write"):
        write_data(fetched, INSTANCE)
