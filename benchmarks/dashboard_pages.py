"""What a page costs the server: CPU per request beside a bare page, and beside the same page over few predictions."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests
from pydantic import SecretStr

from benchmarks.dashboard_world import fill, model_name
from benchmarks.figures import Figure, Pairs, Sizes, milliseconds, progress
from ml_core.config import project_root
from ml_core.processes import free_port
from ml_core.settings import Settings
from tests.processes import own_folders, start_app

_WARMING = 5
_HELLOS_PER_PAGE = 20  # a bare page is over too soon to be timed by a few
_BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Encoding": "gzip"}
_ASSET = re.compile(r'(?:<script[^>]* src|<link[^>]* href)="(/[^"]+)"')
_MOST_ASSET_BYTES = 400_000
_HASH = re.compile(r"[.-][0-9a-f]{12}\.|bokeh-\d+\.\d+\.\d+")


def measure(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Yield the figures of pages."""
    with ExitStack() as stack:
        many = stack.enter_context(_monitor(folder / "many", sizes, sizes.many_shown_predictions))
        few = stack.enter_context(_monitor(folder / "few", sizes, sizes.few_shown_predictions))
        hello = stack.enter_context(_hello(folder / "hello"))
        model = f"/ui/models/{model_name(1)}"
        progress("pages: server CPU per request, in turns")
        found: dict[str, list[float]] = {"overview": [], "few": [], "model": [], "hello": []}
        for number in range(sizes.page_rounds + 1):  # the first round warms the servers
            requests_each = sizes.page_requests if number else _WARMING
            each = {
                "overview": many.cpu_seconds("/", requests_each),
                "hello": hello.cpu_seconds("/", requests_each * _HELLOS_PER_PAGE),
                "few": few.cpu_seconds("/", requests_each),
                "model": many.cpu_seconds(model, requests_each),
            }
            if number:
                for name, seconds in each.items():
                    found[name].append(seconds)
        yield from _figures(sizes, found)
        yield from _assets(many, model)


def _figures(sizes: Sizes, found: Mapping[str, list[float]]) -> Iterator[Figure]:
    models = f"{sizes.watched_models} models and {sizes.many_shown_predictions:,} predictions"
    hello = Pairs(found["overview"], found["hello"])
    yield Figure(
        f"CPU of the overview with {models} / a bare Flask page on the same server",
        hello.show(milliseconds),
        "at most 30",
        hello.ratio <= 30,
    )
    growth = Pairs(found["overview"], found["few"])
    yield Figure(
        f"CPU of the overview with {models} / with {sizes.few_shown_predictions:,} predictions",
        growth.show(milliseconds),
        "at most 3",
        growth.ratio <= 3,
    )
    model = Pairs(found["model"], found["overview"])
    yield Figure("CPU of a model's page / the overview", model.show(milliseconds), "at most 2", model.ratio <= 2)


def _assets(server: _Server, page: str) -> Iterator[Figure]:
    addresses = dict.fromkeys(address for path in ("/", page) for address in _ASSET.findall(server.get(path).text))
    answers = {address: server.get(address) for address in addresses}
    sent = sum(int(answer.headers["Content-Length"]) for answer in answers.values())
    unkept = [
        address
        for address, answer in answers.items()
        if "immutable" not in answer.headers.get("Cache-Control", "") or not _HASH.search(address)
    ]
    yield Figure(
        "assets of all pages, gzip",
        f"{sent / 1000:.0f} kB in {len(answers)} files, {len(unkept)} of them not cached by hash",
        "at most 400 kB, all cached by hash",
        sent <= _MOST_ASSET_BYTES and not unkept,
        shown=bool(answers),
    )


class _Server:
    """A server under measurement: where it answers, and what its processes have used."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self._pid = pid
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str) -> requests.Response:
        answer = self._session.get(f"{self.url}{path}", headers=_BROWSER, timeout=120)
        answer.raise_for_status()
        return answer

    def cpu_seconds(self, path: str, count: int) -> float:
        """Return the CPU that one request costs the server, from so many one after the other."""
        before = _cpu_seconds(self._pid)
        for _ in range(count):
            self.get(path)
        return (_cpu_seconds(self._pid) - before) / count


def _cpu_seconds(pid: int) -> float:
    """Return the CPU of all threads of a process and of all below it."""
    total = 0.0  # from schedstat, which counts nanoseconds, where stat has ticks alone
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0]) / 1e9
        total += sum(_cpu_seconds(int(child)) for child in (task / "children").read_text().split())
    return total


@contextmanager
def _monitor(folder: Path, sizes: Sizes, predictions: int) -> Iterator[_Server]:
    environment = own_folders(folder)
    settings = Settings(store_url=SecretStr(environment["ML_STORE_URL"]))
    fill(settings, folder / "artifacts", sizes.watched_models, sizes.dashboard_days, predictions)
    with start_app("ml_monitor", environment) as app:
        yield _Server(app.url, app.pid)


@contextmanager
def _hello(folder: Path) -> Iterator[_Server]:
    port = free_port()
    folder.mkdir()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.dashboard_hello", str(port)],
            cwd=project_root(),
            env={"ML_RUN_FOLDER": str(folder), "PATH": ""},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        server = _Server(f"http://127.0.0.1:{port}", process.pid)
        deadline = time.monotonic() + 60
        while True:
            try:
                server.get("/")
                break
            except requests.ConnectionError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        process.wait(30)
