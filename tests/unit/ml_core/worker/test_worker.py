"""The worker: a real process that holds the models, and what becomes of requests when it is killed, stuck or wrong."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from ml_core.artifacts.folders import save_artifact, save_reference
from ml_core.config import project_root
from ml_core.errors import ArtifactError, InvalidInput, NotFound, WorkerUnavailable
from ml_core.settings import WorkerSettings
from ml_core.worker.client import Worker

ROOMS = pd.DataFrame({"rooms": [1.0, 2.0, 3.0]})
PRICES = [10.0, 20.0, 30.0]


@dataclass(frozen=True)
class Artifact:
    """A model on disk, as a version names it."""

    folder: Path
    sha256: str

    def ask(self, worker: Worker, *rooms: Any) -> list[float | str]:
        """Return the values for houses with so many rooms."""
        return list(worker.predict(self.folder, self.sha256, ["rooms"], [[number] for number in rooms]).values)


@pytest.fixture(scope="module")
def save(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], Artifact]:
    """Save a trained model."""
    root = tmp_path_factory.mktemp("artifacts")
    count = iter(range(100))

    def save_model(model: Any) -> Artifact:
        saved = save_artifact(root, "housing_price", str(next(count)), "skops", model, ROOMS)
        return Artifact(root / saved.path, saved.sha256)

    return save_model


@pytest.fixture(scope="module")
def linear(save: Callable[[Any], Artifact]) -> Artifact:
    """A model that answers ten times the rooms."""
    return save(LinearRegression().fit(ROOMS, PRICES))


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """A worker for all tests that leave it alive."""
    shared = Worker(WorkerSettings())
    yield shared
    shared.close()


@pytest.fixture
def own_worker() -> Iterator[Worker]:
    """A worker that the test may kill, with a short patience."""
    own = Worker(WorkerSettings(timeout_seconds=20))
    yield own
    own.close()


def is_running(pid: int) -> bool:
    """Return whether a process runs; one that has ended and was not waited for yet does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def wait_for_end(pid: int, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs after {seconds:g} s"
        time.sleep(0.005)


def wait_until_asked(pid: int) -> None:
    """Return when a stopped process has something to read on its input."""
    deadline = time.monotonic() + 10
    with Path(f"/proc/{pid}/fd/0").open("rb", buffering=0) as pipe:
        while not int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder):
            assert time.monotonic() < deadline
            time.sleep(0.005)


def wake(worker: Worker) -> int:
    """Have the worker answer something for which it need load no library; return its process id."""
    with pytest.raises(ArtifactError):
        worker.predict(Path("nothing"), "", [], [])
    assert worker.pid
    return worker.pid


@contextmanager
def stopped(worker: Worker) -> Iterator[int]:
    """Stop the process of a worker that has one; give its id, and end it should it still be there."""
    pid = worker.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)


class StuckWorker(Worker):
    """A worker whose processes are stopped as they start: none of them does anything, however slow the machine."""

    def __init__(self, settings: WorkerSettings) -> None:
        super().__init__(settings)
        self.started: list[int] = []

    def _running(self) -> subprocess.Popen[bytes]:
        process = super()._running()
        if process.pid not in self.started:
            os.kill(process.pid, signal.SIGSTOP)
            self.started.append(process.pid)
        return process


# Answers


def test_a_model_answers_from_another_process_that_is_started_when_first_asked(
    linear: Artifact, own_worker: Worker
) -> None:
    assert own_worker.pid is None
    assert linear.ask(own_worker, 4, 5.5) == pytest.approx([40.0, 55.0])
    assert own_worker.pid not in (None, os.getpid())


def test_the_same_process_answers_the_next_request(linear: Artifact, worker: Worker) -> None:
    linear.ask(worker, 1)
    first = worker.pid
    assert linear.ask(worker, 7) == pytest.approx([70.0])
    assert worker.pid == first


def test_a_classifier_answers_with_scores(save: Callable[[Any], Artifact], worker: Worker) -> None:
    classifier = LogisticRegression().fit(ROOMS, ["small", "small", "large"])
    artifact = save(classifier)
    outputs = worker.predict(artifact.folder, artifact.sha256, ["rooms"], [[1.0], [9.0]])
    assert outputs.values == ["small", "large"]
    expected = classifier.predict_proba(pd.DataFrame({"rooms": [1.0, 9.0]}))[:, 1]
    assert outputs.scores == pytest.approx(expected.tolist())


def test_a_request_larger_than_a_pipe_is_answered(linear: Artifact, worker: Worker) -> None:
    values = linear.ask(worker, *range(100_000))
    assert values == pytest.approx([10.0 * number for number in range(100_000)])


def test_many_threads_at_once_each_get_their_own_answer(linear: Artifact, worker: Worker) -> None:
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda number: linear.ask(worker, number, number + 0.5), range(200)))
    assert answers == [pytest.approx([10.0 * number, 10.0 * number + 5]) for number in range(200)]


def test_threads_that_ask_first_start_one_process_between_them(own_worker: Worker) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: wake(own_worker), range(16)))) == 1


def test_more_models_than_are_kept_loaded_are_all_answered(save: Callable[[Any], Artifact]) -> None:
    models = [LinearRegression().fit(ROOMS, [price * factor for price in PRICES]) for factor in (1, 2, 3)]
    artifacts = [save(model) for model in models]
    few = Worker(WorkerSettings(loaded_models=1))
    try:
        for _ in range(2):
            answers = [artifact.ask(few, 1)[0] for artifact in artifacts]
            assert answers == pytest.approx([10.0, 20.0, 30.0])
    finally:
        few.close()


def test_what_libraries_print_goes_to_the_log_and_does_not_disturb_the_answer(
    save: Callable[[Any], Artifact], own_worker: Worker, capfd: pytest.CaptureFixture[str]
) -> None:
    # From this level of verbosity on, joblib prints to standard output.
    forest = RandomForestRegressor(n_estimators=3, random_state=1, verbose=60, n_jobs=1).fit(ROOMS, PRICES)
    artifact = save(forest)
    capfd.readouterr()
    assert artifact.ask(own_worker, 2.0) == forest.predict(pd.DataFrame({"rooms": [2.0]})).tolist()
    own_worker.close()
    output = capfd.readouterr()
    assert "[Parallel(n_jobs=1)]" in output.err


# Rows and models that are wrong


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["many"]], "could not convert string to float"),
        ([[None]], "contains NaN"),
        ([[1.0, 2.0]], "columns"),
        ([], "0 sample"),
        ([[1e308]], "the answer for row 0 is not a finite number"),
    ],
    ids=["text", "nothing", "a row too long", "no rows", "an infinite answer"],
)
def test_rows_that_a_model_refuses_are_wrong_input_and_the_worker_lives_on(
    linear: Artifact, worker: Worker, rows: list[list[Any]], said: str
) -> None:
    linear.ask(worker, 1)
    pid = worker.pid
    with pytest.raises(InvalidInput) as caught:
        worker.predict(linear.folder, linear.sha256, ["rooms"], rows)
    assert caught.value.status == 422
    assert caught.value.message.startswith("the model refused these rows: ")
    assert said in caught.value.message
    assert "\n" not in caught.value.message
    assert "Traceback" not in caught.value.message
    assert linear.ask(worker, 2) == pytest.approx([20.0])
    assert worker.pid == pid


def test_columns_that_a_model_does_not_know_are_wrong_input(linear: Artifact, worker: Worker) -> None:
    with pytest.raises(InvalidInput, match="the model refused these rows: "):
        worker.predict(linear.folder, linear.sha256, ["age"], [[1.0]])


def test_an_artifact_that_cannot_be_loaded_is_told_and_the_worker_lives_on(
    linear: Artifact, worker: Worker, tmp_path: Path
) -> None:
    linear.ask(worker, 1)
    pid = worker.pid
    with pytest.raises(ArtifactError, match="not the one that was registered") as caught:
        worker.predict(linear.folder, "0" * 64, ["rooms"], [[1.0]])
    assert caught.value.status == 503
    with pytest.raises(ArtifactError, match="nothing: cannot read"):
        worker.predict(tmp_path / "nothing", linear.sha256, ["rooms"], [[1.0]])
    assert linear.ask(worker, 2) == pytest.approx([20.0])
    assert worker.pid == pid


def test_a_version_that_is_served_elsewhere_is_told_and_the_worker_lives_on(
    linear: Artifact, worker: Worker, tmp_path: Path
) -> None:
    saved = save_reference(tmp_path, "housing_price", "elsewhere", ROOMS)
    with pytest.raises(NotFound, match="elsewhere has no files to serve"):
        Artifact(tmp_path / saved.path, saved.sha256).ask(worker, 1.0)
    assert linear.ask(worker, 4.0) == pytest.approx([40.0])


def test_an_artifact_that_could_not_be_loaded_is_tried_anew(save: Callable[[Any], Artifact], worker: Worker) -> None:
    artifact = save(LinearRegression().fit(ROOMS, PRICES))
    away = artifact.folder.rename(artifact.folder.with_name("away"))
    with pytest.raises(ArtifactError):
        artifact.ask(worker, 1)
    away.rename(artifact.folder)
    assert artifact.ask(worker, 1) == pytest.approx([10.0])


# A worker that is killed or stuck


def test_after_a_worker_was_killed_the_next_request_starts_another(linear: Artifact, own_worker: Worker) -> None:
    killed = wake(own_worker)
    os.kill(killed, signal.SIGKILL)
    os.waitid(os.P_PID, killed, os.WEXITED | os.WNOWAIT)  # till the last of its threads is gone
    assert linear.ask(own_worker, 3) == pytest.approx([30.0])
    assert own_worker.pid not in (None, killed)


def test_a_worker_that_is_killed_while_it_predicts_is_unavailable_and_then_started_anew(
    linear: Artifact, own_worker: Worker
) -> None:
    wake(own_worker)
    with ThreadPoolExecutor(1) as thread, stopped(own_worker) as killed:  # it has the request and has not answered
        asked = thread.submit(linear.ask, own_worker, 2)
        wait_until_asked(killed)
        os.kill(killed, signal.SIGKILL)
        with pytest.raises(WorkerUnavailable, match="ended while it predicted") as caught:
            asked.result(timeout=10)
    assert (caught.value.status, caught.value.retry_after_seconds) == (503, 5)
    assert wake(own_worker) != killed


@pytest.mark.parametrize("rows", [1, 100_000], ids=["small request", "request larger than a pipe"])
def test_a_worker_that_is_stuck_is_given_up_after_the_timeout_and_ended(linear: Artifact, rows: int) -> None:
    impatient = StuckWorker(WorkerSettings(timeout_seconds=0.5))
    began = time.monotonic()
    try:
        with pytest.raises(WorkerUnavailable, match=r"did not answer within 0\.5 s"):
            linear.ask(impatient, *[1] * rows)
        assert 0.5 <= time.monotonic() - began < 5
        (pid,) = impatient.started
        assert not is_running(pid)
        assert impatient.pid is None
    finally:
        impatient.close()


def test_no_request_waits_longer_than_the_timeout_behind_others(linear: Artifact) -> None:
    busy = StuckWorker(WorkerSettings(timeout_seconds=0.5))
    try:
        with ThreadPoolExecutor(5) as threads:
            began = time.monotonic()
            asked = [threads.submit(linear.ask, busy, 1) for _ in range(5)]
            errors = [request.exception(timeout=10) for request in asked]
        assert time.monotonic() - began < 5
        assert all(isinstance(error, WorkerUnavailable) for error in errors)
        assert any("busy with other requests" in str(error) for error in errors)
    finally:
        busy.close()


# Its end


def test_a_closed_worker_has_ended_and_closing_twice_does_no_harm() -> None:
    closing = Worker(WorkerSettings())
    closing.close()
    pid = wake(closing)
    closing.close()
    assert not is_running(pid)
    assert closing.pid is None
    closing.close()


def test_an_interrupt_from_the_keyboard_is_left_to_the_web_process(linear: Artifact, worker: Worker) -> None:
    linear.ask(worker, 1)
    pid = worker.pid
    assert pid
    os.kill(pid, signal.SIGINT)
    assert linear.ask(worker, 2) == pytest.approx([20.0])
    assert worker.pid == pid


_PARENT = """
import sys
from pathlib import Path
from ml_core.settings import WorkerSettings
from ml_core.worker.client import Worker

worker = Worker(WorkerSettings())
values = worker.predict(Path(sys.argv[1]), sys.argv[2], ["rooms"], [[4.0]]).values
print(worker.pid, round(values[0]), *sorted({name.split(".")[0] for name in sys.modules}), flush=True)
sys.stdin.read()
"""


def test_a_worker_ends_with_its_parent_even_if_that_is_killed_and_the_parent_never_loads_what_it_loads(
    linear: Artifact,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(linear.folder), linear.sha256],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=project_root(),
    ) as parent:
        assert parent.stdout
        pid, value, *modules = parent.stdout.readline().split()
        parent.kill()
    assert value == "40"
    assert "ml_core" in modules
    assert not {"sklearn", "skops", "scipy", "xgboost", "keras", "tensorflow"} & set(modules)
    wait_for_end(int(pid))
