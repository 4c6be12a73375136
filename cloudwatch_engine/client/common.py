"""What the client scripts share: how to call the engine, and where a picture goes."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import requests

from ml_core.http_client import new_session

TOKEN_VARIABLE = "CLOUDWATCH_TOKEN"
_TIMEOUT_SECONDS = 180
_WINDOW_VARIABLES = ("DISPLAY", "WAYLAND_DISPLAY")
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Server:
    """An engine at a URL such as ``http://localhost:5003``; a token comes from the variable ``CLOUDWATCH_TOKEN``."""

    url: str

    def get(self, path: str, **parameters: str | None) -> dict[str, Any]:
        """Return what is answered; raise ``click.ClickException`` with the engine's reason."""
        return self._call("GET", path, parameters)

    def post(self, path: str, file: Path | None = None, **parameters: str | None) -> dict[str, Any]:
        """Send a data set as the form's field ``file``, as the first system's scripts did; see ``get``."""
        content = None if file is None else {"file": (file.name, _read(file))}
        return self._call("POST", path, parameters, content)

    def _call(self, method: str, path: str, parameters: Mapping[str, str | None], files: Any = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token}"} if (token := os.environ.get(TOKEN_VARIABLE)) else {}
        url = f"{self.url.rstrip('/')}{path}"
        # A training that was asked for twice would be done twice.
        retries = 3 if method == "GET" else 0
        try:
            with new_session(retries=retries) as session:
                response = session.request(
                    method, url, params=dict(parameters), files=files, headers=headers, timeout=_TIMEOUT_SECONDS
                )
                answer = response.json()
        except requests.JSONDecodeError:
            raise click.ClickException(f"{url} has not answered with JSON: is it the engine?") from None
        except requests.RequestException as error:
            raise click.ClickException(f"{url} cannot be called: {type(error).__name__}") from None
        if not response.ok:
            raise click.ClickException(f"{url}: {_reason(answer, response.status_code)}")
        content: dict[str, Any] = answer
        return content


def server_option(command: Command) -> Command:
    """Add the option ``--server``."""
    option = click.option("--server", default="http://localhost:5003", show_default=True, help="Where the engine is.")
    return option(command)


def instance_option(command: Command) -> Command:
    """Add the option ``--instance``."""
    return click.option("--instance", help="Which instance; else the first.")(command)


def picture_option(command: Command) -> Command:
    """Add the option ``--png``."""
    return click.option(
        "--png", type=click.Path(path_type=Path), help="Write the picture here; else a window shows it."
    )(command)


def show_picture(picture: bytes, png: Path | None) -> None:
    """Write a PNG to a file, or show it in a window; raise ``click.ClickException`` if that cannot be done."""
    if png is not None:
        try:
            png.write_bytes(picture)
        except OSError as error:
            raise click.ClickException(f"cannot write {png}: {error.strerror}") from None
        click.echo(f"the picture is in {png}")
        return
    if not any(os.environ.get(variable) for variable in _WINDOW_VARIABLES):
        raise click.ClickException("there is no screen for a window here: name a file by --png")
    import matplotlib.pyplot as plt

    plt.figure(figsize=(9, 3.6)).add_axes((0, 0, 1, 1), frameon=False, xticks=[], yticks=[]).imshow(
        plt.imread(io.BytesIO(picture), format="png")
    )
    plt.show()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise click.ClickException(f"cannot read {file}: {error.strerror}") from None


def _reason(answer: Any, status: int) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    return str(error["message"]) if isinstance(error, dict) and "message" in error else f"status {status}"
