"""Functions that a worker runs on behalf of a web process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml_core.errors import FieldError, InvalidInput, SuiteError, WorkerUnavailable
from ml_core.settings import WorkerSettings
from ml_core.worker.client import Worker

CALLS = "tests.unit.ml_core.worker.calls"


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    worker = Worker(WorkerSettings(timeout_seconds=30))
    yield worker
    worker.close()


def test_a_function_is_called_in_the_worker_and_its_result_comes_back(worker: Worker) -> None:
    assert worker.call(f"{CALLS}:add", {"left": 2, "right": 3}) == {"sum": 5}
    assert worker.pid is not None


def test_a_refusal_comes_back_with_its_fields(worker: Worker) -> None:
    with pytest.raises(InvalidInput) as refused:
        worker.call(f"{CALLS}:refuse", {"field": "file"})
    assert refused.value.details == (FieldError("file", "expected better"),)
    with pytest.raises(InvalidInput, match="the body is no good"):
        worker.call(f"{CALLS}:refuse_body", {})


def test_another_error_comes_back_with_its_message(worker: Worker) -> None:
    with pytest.raises(SuiteError, match="it cannot be done"):
        worker.call(f"{CALLS}:give_up", {})


def test_an_error_of_ours_does_not_end_the_worker_and_tells_no_secret(worker: Worker) -> None:
    before = worker.call(f"{CALLS}:add", {"left": 1, "right": 1}) and worker.pid
    with pytest.raises(SuiteError) as failed:
        worker.call(f"{CALLS}:stumble", {})
    assert failed.value.message == f"{CALLS}:stumble failed: ZeroDivisionError"
    assert worker.pid == before


def test_a_call_that_takes_too_long_is_ended() -> None:
    worker = Worker(WorkerSettings(timeout_seconds=1.5))
    try:
        with pytest.raises(WorkerUnavailable, match="did not answer within"):
            worker.call(f"{CALLS}:dawdle", {})
    finally:
        worker.close()
