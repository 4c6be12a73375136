"""A MariaDB server for tests alone: own folder, port and socket; no server of the system is touched."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pymysql
import pytest

_USER, _PASSWORD = "suite", "only-for-tests"
_START_SECONDS = 60
_STOP_SECONDS = 30


class MariaDbServer:
    """A server that starts at once, can be stopped and started again, and is gone after ``remove``."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mariadb-"))  # short: a socket's path has 107 characters at most
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        self.port = _free_port()
        try:
            self._install()
            self.start()
        except BaseException:
            self.remove()
            raise

    @property
    def url(self) -> str:
        """The URL of the server without a database."""
        return f"mysql+pymysql://{_USER}:{_PASSWORD}@127.0.0.1:{self.port}/"

    @property
    def password(self) -> str:
        """The password in the URL."""
        return _PASSWORD

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements with all rights; return the rows of the last one."""
        with self._connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def new_database(self) -> str:
        """Create an empty database and return its URL."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.execute(f"CREATE DATABASE {name}")
        return f"{self.url}{name}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    _program("mariadbd"),
                    "--no-defaults",
                    f"--datadir={self._folder / 'data'}",
                    f"--tmpdir={self._folder / 'tmp'}",  # a server that starts removes the tables of all others there
                    f"--socket={self._folder / 'socket'}",
                    # A server that starts removes other servers' temporary tables from a folder that they share.
                    f"--tmpdir={self._folder}",
                    f"--pid-file={self._folder / 'pid'}",
                    f"--init-file={self._folder / 'init.sql'}",
                    f"--port={self.port}",
                    "--bind-address=127.0.0.1",
                    "--skip-name-resolve",
                    "--innodb-buffer-pool-size=64M",
                    "--innodb-flush-method=nosync",  # quick; safe from everything but a power cut
                    *_as_root(),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_until_it_answers(self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server; its databases stay."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Have the server answer nobody, as one whose machine hangs; its connections stay."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """Stop the server and remove its folder."""
        self.stop()
        shutil.rmtree(self._folder)

    def _connect(self) -> pymysql.Connection[pymysql.cursors.Cursor]:
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user=_USER, password=_PASSWORD, autocommit=True, connect_timeout=5
        )

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self._connect().close()
                return
            except pymysql.err.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    log = (self._folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"the test server does not start: {log[-2000:]}") from None
            time.sleep(0.05)

    def _install(self) -> None:
        install = [
            _program("mariadb-install-db"),
            "--no-defaults",
            f"--datadir={self._folder / 'data'}",
            "--auth-root-authentication-method=socket",
            "--skip-test-db",
            "--innodb-log-file-size=16M",
            *_as_root(),
        ]
        (self._folder / "tmp").mkdir()
        # It starts a server for a moment, too, and of two in one folder each clears the other's temporary tables.
        environment = os.environ | {"TMPDIR": str(self._folder / "tmp")}
        made = subprocess.run(install, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if made.returncode != 0:
            raise RuntimeError(f"the test server cannot be installed: {made.stdout[-1000:]}{made.stderr[-1000:]}")
        user = f"'{_USER}'@'127.0.0.1'"
        (self._folder / "init.sql").write_text(
            f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{_PASSWORD}';\n"
            f"GRANT ALL ON *.* TO {user} WITH GRANT OPTION;\n"
        )


def new_server() -> MariaDbServer:
    """Return a running server; fail if MariaDB is not installed: a store that was not tried is not tested."""
    if _find("mariadbd") is None or _find("mariadb-install-db") is None:
        pytest.fail("needs mariadbd and mariadb-install-db: run ./install.sh --dev")
    return MariaDbServer()


def _find(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


def _program(name: str) -> str:
    found = _find(name)
    if found is None:
        raise FileNotFoundError(name)
    return found


def _as_root() -> list[str]:
    # Started by root, the server refuses to run as root unless told so.
    return ["--user=root"] if os.geteuid() == 0 else []


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
