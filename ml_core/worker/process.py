"""The worker itself: ``python -m ml_core.worker.process``, started by ``client`` and ended by closing its input."""

from __future__ import annotations

import logging
import math
import os
import signal
import sys
from collections import OrderedDict
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from ml_core.artifacts.folders import load_artifact
from ml_core.artifacts.formats import Outputs, Predictor
from ml_core.errors import InvalidInput, SuiteError
from ml_core.worker.messages import MODEL_FAILED, read_message, write_message

log = logging.getLogger(__name__)


class LoadedModels:
    """The models loaded last, at most ``limit`` of them; the one unused for longest goes first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._predictors: OrderedDict[tuple[str, str], Predictor] = OrderedDict()

    def get(self, folder: str, sha256: str) -> Predictor:
        """Return the model of a folder, loading it if need be; raise ``ArtifactError``."""
        key = (folder, sha256)
        if key not in self._predictors:
            self._predictors[key] = load_artifact(Path(folder), sha256)
            while len(self._predictors) > self.limit:
                self._predictors.popitem(last=False)
        self._predictors.move_to_end(key)
        return self._predictors[key]


def answer(request: dict[str, Any], models: LoadedModels) -> dict[str, Any]:
    """Return what the client gets: values and scores, the result of a call, or the kind and message of an error."""
    if "call" in request:
        return call(request["call"], request["arguments"])
    try:
        predictor = models.get(request["folder"], request["sha256"])
    except SuiteError as error:
        return {"error": error.code, "message": error.message}
    try:
        outputs = predictor.predict(pd.DataFrame(request["rows"], columns=request["columns"]))
        check_finite(outputs)
    except Exception as error:  # a model may raise anything; the client must hear of it, and the next request be served
        lines = str(error).strip().splitlines()
        return {"error": MODEL_FAILED, "message": lines[0] if lines else type(error).__name__}
    return {"values": outputs.values, "scores": outputs.scores, "scores_by_class": outputs.scores_by_class}


def call(target: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the result of the function ``target`` ("module:function"), or the kind and message of its error.

    The target is named by our own code in the process that started this one, never by whoever called that.
    """
    module, _, function = target.partition(":")
    try:
        return {"result": getattr(import_module(module), function)(**arguments)}
    except SuiteError as error:
        details = [[detail.field, detail.message] for detail in error.details]
        kind = InvalidInput.code if isinstance(error, InvalidInput) else error.code
        return {"error": kind, "message": error.message, "details": details}
    except Exception as error:  # the client must hear of it, and the next request be served
        log.exception("%s failed", target)
        return {"error": MODEL_FAILED, "message": f"{target} failed: {type(error).__name__}"}


def check_finite(outputs: Outputs) -> None:
    """Raise ``ValueError`` if an output is NaN or infinite: JSON cannot hold it, and nobody could use it."""
    by_class = [list(row.values()) for row in outputs.scores_by_class or ()]
    for index, value in enumerate(outputs.values):
        scores = [*(outputs.scores or [])[index : index + 1], *(by_class[index] if by_class else ())]
        if any(isinstance(each, float) and not math.isfinite(each) for each in (value, *scores)):
            raise ValueError(f"the answer for row {index} is not a finite number")


def main() -> None:
    """Answer messages from standard input on standard output until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the web process, which ends this one
    # Libraries print to standard output; a duplicate keeps the pipe clean and sends their lines to the log.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    models = LoadedModels(limit=int(sys.argv[1]))
    while (request := read_message(sys.stdin.buffer)) is not None:
        write_message(output, answer(request, models))


if __name__ == "__main__":
    main()
