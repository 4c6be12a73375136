"""install.sh, in a copy of its own with small fakes for Python, pipenv and apt: nothing is really installed."""

from __future__ import annotations

import hashlib
import io
import os
import pty
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_core.config import project_root

_REAL_TOOLS = {"cat", "chmod", "cp", "cut", "dirname", "env", "flock", "grep", "head", "id", "mkdir", "mv"} | {
    *("rm", "rmdir", "sed", "sh", "sha256sum", "sleep", "tail", "tar", "gzip", "touch")
}

# Answers the questions that install.sh asks, and makes environments of fakes. It stands for base and .venv alike.
_FAKE_PYTHON = """#!/bin/sh
echo "python $*" | head -n 1 >>"$FAKES/calls"
case "$*" in
    *version_info*) printf '%s\\n%s\\n' "@VERSION@" "@BASE@" ;;
    *"import ensurepip"*) [ ! -e "$FAKES/no-venv" ] ;;
    "-m venv .pipenv") mkdir -p .pipenv/bin; cp "$0" .pipenv/bin/python ;;
    *"pip install"*pipenv*) [ ! -e "$FAKES/no-network" ] || { echo "ERROR: no such host"; echo "bye"; exit 1; } ;;
    *"-m pipenv verify"*) echo up to date ;;
    *"-m pipenv"*sync*)
        [ ! -e "$FAKES/slow" ] || sleep 30
        [ ! -e "$FAKES/no-wheels" ] || { echo "Traceback"; echo "ERROR: no wheel"; exit 1; }
        mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
    *create_command*) echo https://index.invalid/simple ;;
    *"import csv"*) [ ! -e "$FAKES/half-written" ] ;;
    *import*) : ;;
    *) echo "unexpected: $*" >&2; exit 9 ;;
esac
"""


SERVERS = ("prometheus", "prometheus-alertmanager", "cron")


def _value(script: str, name: str) -> str:
    """Return what a variable of a shell script is set to."""
    (value,) = (line.partition("=")[2] for line in script.splitlines() if line.startswith(f"{name}="))
    return value


class Sandbox:
    """A copy of install.sh and what it reads, and a PATH with nothing on it but what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "the suite"  # a path with a space
        self.fakes = folder / "fakes"
        self.folder.mkdir()
        self.fakes.mkdir()
        for name in ("install.sh", "Pipfile", "Pipfile.lock", "pyproject.toml"):
            shutil.copy(project_root() / name, self.folder)
        # What the script asks of the machine, it shall ask of the fakes.
        script = self.folder / "install.sh"
        text = script.read_text()
        for path, fake in (("/etc/os-release", "os-release"), ("/usr/bin/", ""), ("/usr/sbin/", "sbin-")):
            assert path in text
            text = text.replace(path, f"{self.fakes}/{fake}")
        text = text.replace(_value(text, "AXE_SHA256"), self._pack_axe(_value(text, "AXE_VERSION")))
        script.write_text(text)
        for name in _REAL_TOOLS:
            found = shutil.which(name)
            assert found is not None, name
            (self.fakes / name).symlink_to(found)
        for name in ("make", "docker-compose", *SERVERS):
            self.add(name)

    def _pack_axe(self, version: str) -> str:
        """Put an npm on the PATH that brings a small package, and return the package's checksum."""
        package = self.fakes / f"axe-core-{version}.tgz"
        with tarfile.open(package, "w:gz") as archive:
            for name in ("axe.min.js", "LICENSE"):
                archive.addfile(tarfile.TarInfo(f"package/{name}"), io.BytesIO())
        self.add("npm", f'#!/bin/sh\necho "npm $*" >>"$FAKES/calls"\ncp "$FAKES/{package.name}" .\n')
        return hashlib.sha256(package.read_bytes()).hexdigest()

    def add(self, name: str, script: str = "#!/bin/sh\n") -> None:
        """Put a fake program on the PATH."""
        path = self.fakes / name
        path.write_text(script)
        path.chmod(0o755)

    def add_python(self, name: str, version: str) -> None:
        self.add(name, _FAKE_PYTHON.replace("@VERSION@", version).replace("@BASE@", f"{self.fakes}/{name}"))

    def add_apt(self, makes: str = "") -> None:
        """Put an apt-get on the PATH that notes what it is asked for, and then makes and removes files."""
        self.add("apt-get", f'#!/bin/sh\necho "apt-get $DEBIAN_FRONTEND $*" >>"$FAKES/calls"\ncd "$FAKES"\n{makes}\n')

    def be(self, switch: str) -> None:
        (self.fakes / switch).touch()

    def calls(self) -> list[str]:
        """Return what was called since the last time."""
        path = self.fakes / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def environment(self, **extra: str) -> dict[str, str]:
        return {"PATH": str(self.fakes), "FAKES": str(self.fakes), "HOME": str(self.folder), **extra}

    def run(self, *flags: str, cwd: Path | None = None, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / "install.sh"), *flags],
            cwd=cwd or self.folder,
            env=self.environment(**extra),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def synced(self) -> list[str]:
        """Return the categories of each sync since the last time."""
        return [line.split("--categories ")[1] for line in self.calls() if " sync " in line]


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """A machine with Python 3.11 and make."""
    made = Sandbox(tmp_path)
    made.add_python("python3", "3.11")
    return made


def refusal(result: subprocess.CompletedProcess[str]) -> str:
    """Return the one line with which an install was refused."""
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    return line.removeprefix("install.sh: ")


@pytest.mark.parametrize("shell", [name for name in ("sh", "dash", "bash") if shutil.which(name)])
def test_its_syntax_is_that_of_a_plain_shell(shell: str) -> None:
    subprocess.run([shell, "-n", str(project_root() / "install.sh")], check=True)


def test_help_tells_of_every_flag(sandbox: Sandbox) -> None:
    result = sandbox.run("--help")
    assert result.returncode == 0
    assert all(
        flag in result.stdout
        for flag in ("--yes", "--platform", "--notebook", "--dev", "--no-deep", "--help", "PYTHON")
    )
    assert sandbox.calls() == []


def test_an_unknown_flag_gets_the_usage_and_exit_2(sandbox: Sandbox) -> None:
    result = sandbox.run("--yes", "--quick")
    assert result.returncode == 2
    assert result.stderr.startswith("usage: ./install.sh")
    assert result.stdout == ""
    assert sandbox.calls() == []


def test_without_a_python_it_says_what_to_install(sandbox: Sandbox) -> None:
    (sandbox.fakes / "python3").unlink()
    line = refusal(sandbox.run("--yes"))
    assert line.startswith("Python 3.11, 3.12 or 3.13 is needed: install one (")
    assert "apt-get install python3-venv" in line


def test_a_python_that_is_too_old_is_named_with_what_apt_offers(sandbox: Sandbox) -> None:
    sandbox.add_python("python3", "3.9")
    sandbox.add("apt-cache", '#!/bin/sh\n[ "$2" = python3.11-venv ]\n')
    line = refusal(sandbox.run("--yes"))
    assert line.startswith("Python 3.11, 3.12 or 3.13 is needed, but python3 is 3.9: install one (")
    assert "(apt-get install python3.11-venv), or set PYTHON to its path" in line


def test_plain_python3_is_preferred_if_it_fits(sandbox: Sandbox) -> None:
    sandbox.add_python("python3.13", "3.13")
    assert "with      Python 3.11" in sandbox.run("--yes").stdout


def test_another_python_is_taken_if_python3_does_not_fit(sandbox: Sandbox) -> None:
    sandbox.add_python("python3", "3.14")
    sandbox.add_python("python3.12", "3.12")
    assert f"with      Python 3.12 ({sandbox.fakes}/python3.12)" in sandbox.run("--yes").stdout


def test_the_variable_python_is_relative_to_where_it_is_called(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "my").mkdir()
    (tmp_path / "my" / "python").symlink_to(sandbox.fakes / "python3")
    result = sandbox.run("--yes", cwd=tmp_path, PYTHON="my/python")
    assert result.returncode == 0, result.stderr
    assert "with      Python 3.11" in result.stdout


def test_a_variable_python_that_does_not_fit_is_refused_though_python3_would(sandbox: Sandbox) -> None:
    sandbox.add_python("old", "3.10")
    assert "but old is 3.10" in refusal(sandbox.run("--yes", PYTHON="old"))
    assert "but PYTHON=none is not a Python" in refusal(sandbox.run("--yes", PYTHON="none"))


def test_without_apt_what_is_missing_is_named(sandbox: Sandbox) -> None:
    (sandbox.fakes / "make").unlink()
    sandbox.be("no-venv")
    assert refusal(sandbox.run("--yes", "--dev")) == (
        f"missing here: the modules venv and ensurepip of {sandbox.fakes}/python3, make, a MariaDB server (mariadbd), "
        "a browser (chromium or google-chrome). There is no apt-get: install them by hand, and run this again"
    )


def test_a_python_of_ones_own_that_cannot_make_environments_is_refused(sandbox: Sandbox) -> None:
    own = sandbox.fakes.parent / "own-python"
    python = sandbox.fakes / "python3"
    own.write_text(python.read_text().replace(str(python), str(own)))
    own.chmod(0o755)
    sandbox.be("no-venv")
    line = refusal(sandbox.run("--yes", PYTHON=str(own)))
    assert line == f"{own} lacks the modules venv and ensurepip: set PYTHON to another"


def test_only_root_or_sudo_can_install_packages(sandbox: Sandbox) -> None:
    (sandbox.fakes / "make").unlink()
    sandbox.add_apt()
    (sandbox.fakes / "id").unlink()
    sandbox.add("id", "#!/bin/sh\necho 1000\n")
    assert refusal(sandbox.run("--yes")).endswith("There is no sudo: as root, apt-get install make, and run this again")
    sandbox.add_apt("touch make; chmod +x make")
    sandbox.add("sudo", '#!/bin/sh\necho "sudo" >>"$FAKES/calls"\nexec "$@"\n')
    assert sandbox.run("--yes").returncode == 0
    assert sandbox.calls().count("sudo") == 2


def test_apt_installs_only_what_is_missing(sandbox: Sandbox) -> None:
    sandbox.add("mariadbd")
    sandbox.add_apt("touch chromium; chmod +x chromium; rm -f no-venv")
    sandbox.be("no-venv")
    result = sandbox.run("--yes", "--dev")
    assert result.returncode == 0, result.stderr
    assert "  by apt    python3.11-venv chromium\n" in result.stdout
    assert [line for line in sandbox.calls() if line.startswith("apt-get")] == [
        "apt-get noninteractive -o DPkg::Lock::Timeout=300 update",
        "apt-get noninteractive -o DPkg::Lock::Timeout=300 install -y --no-install-recommends python3.11-venv chromium",
    ]


def lacks_servers(sandbox: Sandbox) -> None:
    for name in ("mariadbd", "chromium"):
        sandbox.add(name)
    for name in SERVERS:
        (sandbox.fakes / name).unlink()
    sandbox.add("apt-cache")
    sandbox.add("dpkg-deb", '#!/bin/sh\nmkdir -p "$3/usr/sbin"; cp "$2" "$3/usr/sbin/${2%_*}"\n')


def test_servers_for_tests_are_unpacked_and_never_installed_into_the_system(sandbox: Sandbox) -> None:
    lacks_servers(sandbox)
    archives = "touch cron_3.deb prometheus_2.deb prometheus-alertmanager_0.deb; chmod +x *.deb"
    sandbox.add("apt-get", f'#!/bin/sh\necho "apt-get $*" >>"$FAKES/calls"\n{archives}\n')
    result = sandbox.run("--yes", "--dev")
    assert result.returncode == 0, result.stderr
    assert "  var/tools prometheus prometheus-alertmanager cron" in result.stdout
    assert [line for line in sandbox.calls() if line.startswith("apt-get")] == [
        "apt-get download prometheus prometheus-alertmanager cron"
    ]
    assert sandbox.run("--yes", "--dev").stdout.startswith("All is installed already.")


def test_servers_that_cannot_be_fetched_fail_the_install_with_one_line(sandbox: Sandbox) -> None:
    lacks_servers(sandbox)
    sandbox.add("apt-get", "#!/bin/sh\necho 'E: no such host' >&2\nexit 100\n")
    line = refusal(sandbox.run("--yes", "--dev"))
    assert "Unpacking prometheus prometheus-alertmanager cron into var/tools: failed" in line
    assert "E: no such host" in line


def test_the_platform_gets_its_servers_alone(sandbox: Sandbox) -> None:
    lacks_servers(sandbox)
    for name in ("mariadbd", "chromium", "docker-compose"):
        (sandbox.fakes / name).unlink()
    archives = "touch prometheus_2.deb prometheus-alertmanager_0.deb; chmod +x *.deb"
    sandbox.add("apt-get", f'#!/bin/sh\necho "apt-get $*" >>"$FAKES/calls"\n{archives}\n')
    result = sandbox.run("--yes", "--platform")
    assert result.returncode == 0, result.stderr
    assert "  var/tools prometheus prometheus-alertmanager, from apt's archive, as files alone" in result.stdout
    assert [line for line in sandbox.calls() if line.startswith("apt-get")] == [
        "apt-get download prometheus prometheus-alertmanager"
    ]
    assert sandbox.run("--yes", "--platform").stdout.startswith("All is installed already.")


def test_the_notebook_stays_in_step_with_the_lock(sandbox: Sandbox) -> None:
    sandbox.run("--yes", "--no-deep", "--notebook")
    with (sandbox.folder / "Pipfile.lock").open("a") as lock:
        lock.write("\n")
    sandbox.calls()
    assert sandbox.run("--yes", "--no-deep").returncode == 0
    assert sandbox.synced() == ["packages notebook"]


def test_a_compose_of_dockers_own_will_do(sandbox: Sandbox) -> None:
    (sandbox.fakes / "docker-compose").unlink()
    for name in ("mariadbd", "chromium"):
        sandbox.add(name)
    assert "docker-compose" in refusal(sandbox.run("--yes", "--dev"))
    sandbox.add("docker", '#!/bin/sh\n[ "$*" = "compose version" ]\n')
    assert sandbox.run("--yes", "--dev").returncode == 0


def test_axe_is_fetched_once_and_only_for_the_tests(sandbox: Sandbox) -> None:
    for name in ("mariadbd", "chromium"):
        sandbox.add(name)
    assert sandbox.run("--yes").returncode == 0
    assert not (sandbox.folder / "var" / "tools" / "axe").exists()
    assert "axe-core" in sandbox.run("--yes", "--dev").stdout
    assert (sandbox.folder / "var" / "tools" / "axe" / "package" / "axe.min.js").exists()
    assert sandbox.run("--yes", "--dev").stdout.startswith("All is installed already.")
    assert len([call for call in sandbox.calls() if call.startswith("npm pack")]) == 1


def test_an_axe_that_is_not_the_one_that_was_tried_is_not_used(sandbox: Sandbox) -> None:
    for name in ("mariadbd", "chromium"):
        sandbox.add(name)
    next(sandbox.fakes.glob("axe-core-*.tgz")).write_bytes(b"another")
    line = refusal(sandbox.run("--yes", "--dev"))
    assert "Fetching axe-core" in line
    assert not (sandbox.folder / "var" / "tools" / "axe" / "installed").exists()


def test_servers_and_browsers_are_not_asked_for_without_dev(sandbox: Sandbox) -> None:
    for name in ("docker-compose", *SERVERS):
        (sandbox.fakes / name).unlink()
    assert "nothing: all that is needed is there" in sandbox.run("--yes").stdout


@pytest.mark.parametrize("browser", ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"])
def test_any_of_the_known_browsers_will_do(sandbox: Sandbox, browser: str) -> None:
    sandbox.add("sbin-mariadbd")  # where a user's PATH does not lead
    sandbox.add(browser)
    assert sandbox.run("--yes", "--dev").returncode == 0


def test_on_ubuntu_a_browser_is_asked_for_and_not_installed(sandbox: Sandbox) -> None:
    (sandbox.fakes / "os-release").write_text('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n')
    sandbox.add("mariadbd")
    sandbox.add_apt()
    line = refusal(sandbox.run("--yes", "--dev"))
    assert line.endswith("put a chromium or google-chrome on the PATH, and run this again")
    assert not any(call.startswith("apt-get") for call in sandbox.calls())


def test_what_apt_cannot_install_is_told_in_one_line(sandbox: Sandbox) -> None:
    (sandbox.fakes / "make").unlink()
    sandbox.add_apt('case $* in *install*) echo "Reading"; echo "E: Unable to locate package make"; exit 100 ;; esac')
    line = refusal(sandbox.run("--yes"))
    assert line.startswith("Installing make: failed (100): E: Unable to locate package make (all of it in var/log/")
    sandbox.add_apt("exit 0")
    assert refusal(sandbox.run("--yes")) == "still missing after apt-get install: make"


def test_without_a_terminal_and_without_yes_nothing_is_done(sandbox: Sandbox) -> None:
    assert refusal(sandbox.run()) == "there is no terminal to ask on: run it with --yes"
    assert not (sandbox.folder / ".pipenv").exists()


@pytest.mark.parametrize(("reply", "code"), [("y\n", 0), ("YES\n", 0), ("\n", 1), ("n\n", 1)])
def test_on_a_terminal_it_asks_first_and_takes_only_yes(sandbox: Sandbox, reply: str, code: int) -> None:
    keyboard, terminal = pty.openpty()
    try:
        os.write(keyboard, reply.encode())
        result = subprocess.run(
            [str(sandbox.folder / "install.sh")],
            env=sandbox.environment(),
            stdin=terminal,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert "Continue? [y/N]" in result.stdout
    assert result.returncode == code
    assert (sandbox.folder / ".venv").exists() == (code == 0)


def test_the_last_lines_say_how_to_enter(sandbox: Sandbox, tmp_path: Path) -> None:
    result = sandbox.run("--yes", cwd=tmp_path)
    assert result.stdout.splitlines()[-2:] == ["  . .venv/bin/activate", "  .pipenv/bin/pipenv shell"]


def test_the_packages_come_from_the_index_that_pip_would_use(sandbox: Sandbox) -> None:
    sandbox.add_python("python3", "3.11")
    fake = sandbox.fakes / "python3"
    fake.write_text(fake.read_text().replace("*sync*)", '*sync*)\n        echo "from $PIP_INDEX_URL" >>"$FAKES/calls"'))
    sandbox.run("--yes")
    assert "from https://index.invalid/simple" in sandbox.calls()
    shutil.rmtree(sandbox.folder / ".venv")
    sandbox.run("--yes", PIP_INDEX_URL="https://mine.invalid/simple")
    assert "from https://mine.invalid/simple" in sandbox.calls()


@pytest.mark.parametrize(
    ("flags", "categories"),
    [
        ([], "packages deep"),
        (["--no-deep"], "packages"),
        (["--notebook"], "packages deep notebook"),
        (["--platform", "--no-deep"], "packages"),
        (["--dev", "--no-deep"], "packages notebook dev-packages"),
        (["--dev"], "packages deep notebook dev-packages"),
    ],
)
def test_each_flag_chooses_its_packages(sandbox: Sandbox, flags: list[str], categories: str) -> None:
    sandbox.add("mariadbd")
    sandbox.add("chromium")
    assert sandbox.run("--yes", *flags).returncode == 0
    assert sandbox.synced() == [categories]


def test_a_second_run_finds_nothing_to_do_and_does_not_ask(sandbox: Sandbox) -> None:
    sandbox.run("--yes")
    sandbox.calls()
    result = sandbox.run()
    assert result.stdout.splitlines()[0] == "All is installed already."
    assert sandbox.synced() == []


def test_a_run_without_dev_keeps_the_test_tools_in_step_with_the_lock(sandbox: Sandbox) -> None:
    sandbox.add("mariadbd")
    sandbox.add("chromium")
    sandbox.run("--yes", "--dev")
    assert sandbox.run().returncode == 0
    assert sandbox.synced() == ["packages deep notebook dev-packages"]
    with (sandbox.folder / "Pipfile.lock").open("a") as lock:
        lock.write("\n")
    sandbox.run("--yes", "--no-deep")
    assert sandbox.synced() == ["packages deep notebook dev-packages"]


@pytest.mark.parametrize(
    ("switch", "told"),
    [
        (
            "no-network",
            "Installing pipenv 2026.10.3: failed (1): ERROR: no such host (all of it in var/log/install.log)",
        ),
        (
            "no-wheels",
            "Installing the Python packages into .venv (this takes some minutes): failed (1): ERROR: no wheel "
            "(all of it in var/log/install.log)",
        ),
    ],
)
def test_a_step_that_fails_is_told_in_one_line_and_mended_by_the_next_run(
    sandbox: Sandbox, switch: str, told: str
) -> None:
    sandbox.be(switch)
    assert refusal(sandbox.run("--yes")) == told
    (sandbox.fakes / switch).unlink()
    assert sandbox.run("--yes").returncode == 0
    assert sandbox.run().stdout.startswith("All is installed already.")


def test_an_environment_of_another_python_is_replaced_and_that_is_said(sandbox: Sandbox) -> None:
    sandbox.run("--yes")
    (sandbox.folder / ".venv" / "leftover").touch()
    sandbox.add_python("python3.12", "3.12")
    result = sandbox.run("--yes", PYTHON="python3.12")
    assert "The .venv that is there is replaced: it is of Python 3.11." in result.stdout
    assert not (sandbox.folder / ".venv" / "leftover").exists()
    assert "Making .pipenv ..." in result.stdout


def test_an_environment_whose_python_is_gone_is_replaced(sandbox: Sandbox) -> None:
    sandbox.run("--yes")
    for name in (".venv", ".pipenv"):
        (sandbox.folder / name / "bin" / "python").unlink()
    result = sandbox.run("--yes")
    assert "is replaced: its Python does not run." in result.stdout
    assert "Making .pipenv ..." in result.stdout
    assert result.returncode == 0


def test_environments_are_made_anew_in_a_folder_that_was_moved(sandbox: Sandbox) -> None:
    sandbox.run("--yes")
    before = sandbox.folder
    sandbox.folder = before.rename(before.with_name("moved"))
    result = sandbox.run("--yes")
    assert f"is replaced: it was made in {before}." in result.stdout
    assert "Making .pipenv ..." in result.stdout


def test_an_environment_with_a_package_written_half_is_replaced(sandbox: Sandbox) -> None:
    sandbox.be("no-wheels")
    (sandbox.folder / ".venv" / "bin").mkdir(parents=True)
    (sandbox.folder / ".venv" / "bin" / "python").symlink_to(sandbox.fakes / "python3")
    assert sandbox.run("--yes").returncode == 1
    (sandbox.fakes / "no-wheels").unlink()
    sandbox.be("half-written")
    assert "is replaced: an earlier install did not finish." in sandbox.run("--yes").stdout


def test_two_installs_at_once_in_one_folder_are_refused(sandbox: Sandbox) -> None:
    with _slow_install(sandbox) as first:
        assert refusal(sandbox.run("--yes")) == "another install runs in this folder: wait for it to end"
        _interrupt(first, signal.SIGTERM)


def test_a_lock_is_held_where_there_is_no_flock(sandbox: Sandbox) -> None:
    (sandbox.fakes / "flock").unlink()
    with _slow_install(sandbox) as first:
        assert "remove var/install.lock.d" in refusal(sandbox.run("--yes"))
        _interrupt(first, signal.SIGTERM)
    (sandbox.fakes / "slow").unlink()
    assert sandbox.run("--yes").returncode == 0
    assert not (sandbox.folder / "var" / "install.lock.d").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_install_says_so_and_is_mended_by_the_next_run(sandbox: Sandbox, number: signal.Signals) -> None:
    with _slow_install(sandbox) as first:
        errors = _interrupt(first, number)
    assert first.returncode == 130
    assert errors.splitlines()[-1] == "install.sh: interrupted; run it again to finish"
    (sandbox.fakes / "slow").unlink()
    assert sandbox.run("--yes").returncode == 0
    assert sandbox.run().stdout.startswith("All is installed already.")


def test_a_folder_that_cannot_be_written_is_told(sandbox: Sandbox) -> None:
    (sandbox.folder / "var").write_text("a file where a folder belongs")
    assert refusal(sandbox.run("--yes")) == f"cannot write to {sandbox.folder}: run it as its owner"


def _slow_install(sandbox: Sandbox) -> subprocess.Popen[str]:
    """Start an install that is busy with the packages when this returns."""
    sandbox.be("slow")
    # Tests that run in the background may have to ignore Ctrl-C, and a shell cannot trap what it was told to ignore.
    process = subprocess.Popen(
        ["/usr/bin/env", "--default-signal=INT", str(sandbox.folder / "install.sh"), "--yes"],
        env=sandbox.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    calls = sandbox.fakes / "calls"
    _wait_for(lambda: calls.exists() and " sync " in calls.read_text())
    return process


def _interrupt(process: subprocess.Popen[str], number: signal.Signals) -> str:
    """Signal the whole group, as a terminal does; return what it says at the end."""
    os.killpg(process.pid, number)
    return process.communicate(timeout=30)[1]


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_machine_without_any_python_gets_the_one_of_apt(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    sandbox.add("python-to-be", _FAKE_PYTHON.replace("@VERSION@", "3.13").replace("@BASE@", f"{sandbox.fakes}/python3"))
    sandbox.add_apt(makes="[ ! -e python-to-be ] || mv python-to-be python3")
    result = sandbox.run("--yes")
    assert result.returncode == 0, result.stderr
    calls = sandbox.calls()
    assert any("install -y --no-install-recommends python3 python3-venv" in call for call in calls)
    assert "with      Python 3.13" in result.stdout


def test_a_python_of_apt_that_is_too_old_is_refused_in_one_line(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    sandbox.add("python-to-be", _FAKE_PYTHON.replace("@VERSION@", "3.9").replace("@BASE@", f"{sandbox.fakes}/python3"))
    sandbox.add_apt(makes="[ ! -e python-to-be ] || mv python-to-be python3")
    assert refusal(sandbox.run("--yes")).startswith("Python 3.11, 3.12 or 3.13 is needed, but python3 is 3.9: ")


def test_without_python_and_without_a_terminal_nothing_is_installed(tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path)
    sandbox.add_apt()
    assert refusal(sandbox.run()) == "there is no terminal to ask on: run it with --yes"
    assert sandbox.calls() == []
