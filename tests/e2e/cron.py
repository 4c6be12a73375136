"""A real cron daemon with one crontab of a test's own; no file of the system is touched."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from ml_core.config import project_root
from tests.tools import tool

# In a mount namespace of its own the daemon sees one crontab, and its pid file and its log-in rules are its own too.
_APART = ("unshare", "--mount", "--propagation", "private", "sh", "-c")
_SCRIPT = """
set -e
mount -t tmpfs none /var/spool && mkdir -p /var/spool/cron/crontabs
mount -t tmpfs none /run
[ ! -d /etc/cron.d ] || mount -t tmpfs none /etc/cron.d
[ ! -e /etc/crontab ] || mount --bind /dev/null /etc/crontab
mount -t tmpfs none /etc/pam.d
for kind in account auth session; do echo "$kind required pam_permit.so"; done >/etc/pam.d/cron
"""
_OWN_CRONTAB = """
cp "$1" /var/spool/cron/crontabs/root && chmod 600 /var/spool/cron/crontabs/root
exec "$2" -f
"""
_INSTALLED = """
exec >>"$1" 2>&1
"$3" -m ml_core.jobs install-cron --yes
exec "$2" -f
"""


@contextmanager
def every_minute(folder: Path, command: str, environment: Mapping[str, str]) -> Iterator[Path]:
    """Let cron run a command each minute until the block ends; yields the file that holds what the command printed."""
    output, script, crontab = folder / "cron.out", folder / "cron.sh", folder / "crontab"
    settings = [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()]
    script.write_text(f"{''.join(settings)}exec >>{shlex.quote(str(output))} 2>&1\n{command}\n")
    crontab.write_text(f"* * * * * /bin/sh {script}\n")
    with _daemon(_OWN_CRONTAB, crontab, os.environ):
        yield output


@contextmanager
def installed(folder: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Let cron call what ``install-cron`` writes with this environment; yields the file that holds what it printed."""
    output = folder / "install.out"
    with _daemon(_INSTALLED, output, with_crontab(environment)):
        yield output


def in_private_spool(script: str, *arguments: str, environment: Mapping[str, str]) -> str:
    """Run a shell script that has the program ``crontab`` and a spool of its own; return what it printed."""
    _need_root()
    done = subprocess.run(
        [*_APART, f"{_SCRIPT}{script}", "cron", *arguments],
        env=with_crontab(environment),
        cwd=project_root(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def with_crontab(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which the program ``crontab`` is found."""
    path = environment.get("PATH", os.environ["PATH"])
    return {**environment, "PATH": f"{path}:{Path(tool('crontab')).parent}"}


@contextmanager
def _daemon(script: str, file: Path, environment: Mapping[str, str]) -> Iterator[None]:
    _need_root()
    daemon = subprocess.Popen(
        [*_APART, f"{_SCRIPT}{script}", "cron", str(file), tool("cron"), sys.executable],
        env=environment,
        cwd=project_root(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield
        assert daemon.poll() is None, daemon.stdout.read() if daemon.stdout else ""
    finally:
        daemon.terminate()
        daemon.communicate(timeout=20)


def _need_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give cron folders of its own")
