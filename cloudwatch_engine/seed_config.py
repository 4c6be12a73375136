"""Reads ``config.json``, whose keys are those of the first system.

==================== ================================================================================================
key                  meaning here
==================== ================================================================================================
FEED_LEN             steps that the LSTM and the TCN look back
PREDICT_LEN          values in the old ``prediction`` list
NUM_LAYERS_LSTM      layers of the LSTM
NUM_LAYERS_TCN       stacked TCN layers
MAIL_INTERVAL        seconds between reports
TRAIN_INTERVAL       seconds between trainings
PREDICT_INTERVAL     seconds between forecasts
GET_METRIC_INTERVAL  seconds between fetches
TO_ADDRESS           who gets reports, if the setting ``mail.recipients`` names nobody
MODEL                the model that is tried where none is named: LSTM, TCN or ARIMA
INPUT_DIM            taken and not used: the number of inputs follows from the features
WINDOW_LEN           taken and not used: it smoothed each value with those that came after it
==================== ================================================================================================
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from ml_core.errors import ConfigurationError
from ml_core.problems import refuse_boolean, said_of

Seconds = Annotated[int, Field(ge=1, le=366 * 86_400)]
Count = Annotated[int, Field(ge=1, le=1_000)]


class SeedConfig(BaseModel):
    """The values of ``config.json``; a key that is left out keeps its default, one that is unknown is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    FEED_LEN: Annotated[int, Field(ge=2, le=1_000)] = 50
    PREDICT_LEN: Count = 6
    NUM_LAYERS_LSTM: Annotated[int, Field(ge=1, le=8)] = 1
    NUM_LAYERS_TCN: Annotated[int, Field(ge=1, le=8)] = 1
    INPUT_DIM: Count = 12
    MAIL_INTERVAL: Seconds = 86_400
    TRAIN_INTERVAL: Seconds = 21_600
    PREDICT_INTERVAL: Seconds = 300
    TO_ADDRESS: str = ""
    MODEL: Literal["LSTM", "TCN", "ARIMA"] = "LSTM"
    WINDOW_LEN: Count = 5
    GET_METRIC_INTERVAL: Seconds = 300

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_boolean(cls, value: object, info: ValidationInfo) -> object:
        return refuse_boolean(value, cls.model_fields[str(info.field_name)].annotation)


def read_config(path: Path) -> SeedConfig:
    """Return the values of a file; raise ``ConfigurationError`` that names the key and what was expected."""
    try:
        content = orjson.loads(path.read_bytes())
        return SeedConfig.model_validate(content)
    except OSError as error:
        raise ConfigurationError(f"cloudwatch.config_file: cannot read {path}: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise ConfigurationError(f"{path.name}: line {error.lineno} is not JSON: {error.msg}") from None
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        told = "; ".join(f"{'.'.join(map(str, problem['loc'])) or 'it'}: {said_of(problem)}" for problem in problems)
        raise ConfigurationError(f"{path.name}: {told}") from None
