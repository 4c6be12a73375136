"""config.json of the first system is read as it is."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from cloudwatch_engine.seed_config import SeedConfig, read_config
from ml_core.config import project_root
from ml_core.errors import ConfigurationError

OF_THE_FIRST_SYSTEM = {
    "FEED_LEN": 50,
    "PREDICT_LEN": 6,
    "NUM_LAYERS_LSTM": 3,
    "NUM_LAYERS_TCN": 2,
    "INPUT_DIM": 12,
    "MAIL_INTERVAL": 600,
    "TRAIN_INTERVAL": 180,
    "PREDICT_INTERVAL": 60,
    "TO_ADDRESS": "someone@monitor.example",
    "MODEL": "LSTM",
    "WINDOW_LEN": 5,
    "GET_METRIC_INTERVAL": 1800,
}


def test_every_key_of_the_first_system_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(orjson.dumps(OF_THE_FIRST_SYSTEM))
    assert read_config(path).model_dump() == OF_THE_FIRST_SYSTEM


def test_the_file_that_comes_with_the_suite_says_the_defaults() -> None:
    assert read_config(project_root() / "cloudwatch_engine" / "config.json") == SeedConfig()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[", "line 1 is not JSON"),
        (b"[]", "config.json: it:"),
        (b'{"FEED_LEN": 0}', "FEED_LEN"),
        (b'{"PREDICT_LEN": true}', "PREDICT_LEN: expected a whole number, not true"),
        (b'{"MODEL": "GRU"}', "MODEL"),
        (b'{"FEED_LENGTH": 5}', "FEED_LENGTH"),
        (b'{"MAIL_INTERVAL": "often"}', "MAIL_INTERVAL"),
    ],
)
def test_a_wrong_file_is_refused_with_the_key(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        read_config(path)
    assert message in refused.value.message


def test_a_file_that_is_not_there_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cloudwatch\.config_file: cannot read"):
        read_config(tmp_path / "none.json")
