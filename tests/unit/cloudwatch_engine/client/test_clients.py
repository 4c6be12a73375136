"""The client scripts against an engine that answers over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from pydantic import SecretStr
from werkzeug.serving import make_server

from cloudwatch_engine.app import create_app
from cloudwatch_engine.client.common import show_picture
from cloudwatch_engine.client.compare_api import compare
from cloudwatch_engine.client.predict_api import predict
from cloudwatch_engine.client.show_metric_api import show_metric
from cloudwatch_engine.client.validate_api import validate
from cloudwatch_engine.engine_parts import Engine
from cloudwatch_engine.generated import INSTANCE
from cloudwatch_engine.seed_files import write_data
from ml_core.clock import FixedClock
from ml_core.settings import AuthSettings
from tests.receivers import Receiver

READ, WRITE = "a-token-to-read", "a-token-to-write"


@pytest.fixture
def url(trained: Engine, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An engine that wants tokens, behind a real socket."""
    auth = AuthSettings(read_tokens=(SecretStr(READ),), write_tokens=(SecretStr(WRITE),))
    app = create_app(trained.settings.model_copy(update={"auth": auth}), trained.store, clock)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("CLOUDWATCH_TOKEN", WRITE)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
    app.extensions["worker"].close()


@pytest.fixture
def dataset(trained: Engine) -> Path:
    write_data(trained, INSTANCE)
    return trained.folder / "data.csv"


def run(command: click.Command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def is_picture(path: Path) -> bool:
    with Image.open(path) as image:
        colours = image.convert("RGB").getcolors(image.width * image.height) or []
    return image.format == "PNG" and len(colours) > 10


def test_scores_are_printed_and_drawn(url: str, tmp_path: Path) -> None:
    result = run(show_metric, "--server", url, "--png", tmp_path / "scores.png")
    assert result.exit_code == 0, result.output
    first, second, _ = result.output.splitlines()
    assert first.startswith("* last value")
    assert "mean_absolute_error" in second
    assert is_picture(tmp_path / "scores.png")


def test_true_and_predicted_values_are_drawn(url: str, tmp_path: Path) -> None:
    result = run(compare, "--server", url, "--instance", INSTANCE, "--png", tmp_path / "compare.png")
    assert "predicted by naive" in result.output
    assert is_picture(tmp_path / "compare.png")


def test_the_newest_forecast_and_that_of_a_file_are_printed_and_drawn(url: str, dataset: Path, tmp_path: Path) -> None:
    for arguments in ((), (dataset,)):
        result = run(predict, *arguments, "--server", url, "--png", tmp_path / "forecast.png")
        assert result.exit_code == 0, result.output
        assert result.output.count(" %  (") == 6
        assert "P(above 80 %)" in result.output
        assert is_picture(tmp_path / "forecast.png")


def test_a_stale_forecast_is_called_so(url: str, clock: FixedClock, tmp_path: Path) -> None:
    clock.advance(timedelta(hours=3))
    assert "stale: issued" in run(predict, "--server", url, "--png", tmp_path / "forecast.png").output


def test_a_model_is_tried_on_a_file(url: str, dataset: Path, tmp_path: Path) -> None:
    result = run(validate, dataset, "--model", "seasonal_naive", "--server", url, "--png", tmp_path / "tried.png")
    assert result.output.startswith("yesterday")
    assert "note: " in result.output
    assert is_picture(tmp_path / "tried.png")


def test_the_engines_reason_is_told_in_a_line(url: str, dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = run(validate, dataset, "--model", "gru", "--server", url)
    assert refused.exit_code == 1
    assert "model: expected one of" in refused.output
    monkeypatch.delenv("CLOUDWATCH_TOKEN")
    assert "send the header Authorization" in run(compare, "--server", url).output


def test_what_is_not_there_is_told_in_a_line(url: str, tmp_path: Path) -> None:
    assert "cannot read" in run(validate, tmp_path / "none.json", "--server", url).output
    assert "cannot write" in run(compare, "--server", url, "--png", tmp_path / "none" / "x.png").output
    assert "cannot be called: ConnectionError" in run(compare, "--server", "http://127.0.0.1:9").output
    with Receiver() as other:
        assert "is it the engine?" in run(compare, "--server", other.url).output


def test_without_a_screen_a_file_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(click.ClickException, match="name a file by --png"):
        show_picture(b"", None)
