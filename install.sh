#!/bin/sh
# Installs the suite into the folder that this file stands in; ./install.sh --help says how.
# Outside that folder it adds apt packages that are missing, and fills pip's and pipenv's caches.
set -eu

PIPENV_VERSION=2026.10.3
LOG=var/log/install.log
# Servers that the platform and the tests start: unpacked under var/tools, since apt would start daemons of the system
# with them.
PLATFORM_SERVERS="prometheus prometheus-alertmanager"
TEST_SERVERS="$PLATFORM_SERVERS cron"
# What the tests judge the accessibility of pages by: a package of npm, unpacked below var/tools and known by its checksum.
AXE_VERSION=4.14.1
AXE_SHA256=e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745

usage() {
    cat <<'END'
usage: ./install.sh [--yes] [--platform] [--notebook] [--dev] [--no-deep]

  --yes       install without asking first
  --platform  Prometheus and its Alertmanager, too, which make run-platform then starts
  --notebook  JupyterLab, too, for make run-jupyter
  --dev       all that the tests need, too, with both of the above
  --no-deep   leave TensorFlow out (2 GB less); what is there already stays
  --help      show this

The environment variable PYTHON names the Python to use: 3.11, 3.12 or 3.13.
It may be run again at any time; what is there already is kept.
END
}

say() { printf '%s\n' "$*"; }

fail() { say "install.sh: $*" >&2; exit 1; }

# The folder's path may hold spaces, and this may be called from anywhere, with PYTHON relative to there.
started_in=$PWD
CDPATH='' cd -- "$(dirname -- "$0")"

yes=no
dev=no
platform=no
notebook=no
deep=yes
for argument in "$@"; do
    case $argument in
        --yes) yes=yes ;;
        --platform) platform=yes ;;
        --notebook) notebook=yes ;;
        --dev) dev=yes ;;
        --no-deep) deep=no ;;
        --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done

# An environment that the caller is in must not change what goes into ours.
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV PIP_USER PIPENV_ACTIVE PIPENV_PIPFILE PIPENV_PYTHON

# Prints the version of a Python, then the file to make environments with: that of a virtual environment's base, since
# the environment that is active now may be the one to be replaced. Prints nothing for what is not a Python.
probe_python() {
    "$1" -c 'import sys
print("%d.%d" % sys.version_info[:2])
print(getattr(sys, "_base_executable", "") or sys.executable)' 2>/dev/null || true
}

# The newest Python that apt offers and that fits, for advice.
offered_python() {
    for number in 3.13 3.12 3.11; do
        if command -v apt-cache >/dev/null && apt-cache show "python$number-venv" >/dev/null 2>&1; then
            say "apt-get install python$number-venv"
            return
        fi
    done
    say "on Debian 12 or newer and Ubuntu 24.04: apt-get install python3-venv"
}

find_python() {
    case ${PYTHON:-} in
        "") set -- python3 python3.13 python3.12 python3.11 ;;
        [!/]*/*) set -- "$started_in/$PYTHON" ;;
        *) set -- "$PYTHON" ;;
    esac
    seen=
    for candidate in "$@"; do
        answer=$(probe_python "$candidate")
        version=$(say "$answer" | sed -n 1p)
        case $version in
            3.11 | 3.12 | 3.13) python=$(say "$answer" | sed -n 2p); return ;;
            ?*) seen="$seen, but $candidate is $version" ;;
        esac
    done
    [ -z "${PYTHON:-}" ] || [ -n "$seen" ] || seen=", but PYTHON=$PYTHON is not a Python"
    fail "Python 3.11, 3.12 or 3.13 is needed$seen: install one ($(offered_python)), or set PYTHON to its path"
}

can_make_venv() { "$python" -c 'import ensurepip, venv' 2>/dev/null; }
has_any() {
    for name in "$@"; do
        if command -v "$name" >/dev/null; then return 0; fi
    done
    return 1
}
has_mariadb() { has_any mariadbd || [ -x /usr/sbin/mariadbd ]; }
has_chromium() { has_any chromium chromium-browser google-chrome google-chrome-stable; }
has_compose() { has_any docker-compose || docker compose version >/dev/null 2>&1; }
has_unpacked() { for folder in bin sbin; do [ ! -x "var/tools/usr/$folder/$1" ] || return 0; done; return 1; }
has_axe() { [ "$(noted var/tools/axe/installed sha256)" = "$AXE_SHA256" ]; }
is_ubuntu() { grep -q '^ID=ubuntu$' /etc/os-release 2>/dev/null; }

# Sets packages (for apt), servers (for var/tools) and missing (for people) to what the system lacks.
find_missing() {
    packages=
    servers=
    missing=
    lack() { packages="$packages $1"; missing="$missing${missing:+, }$2"; }
    case $python in /usr/bin/*) package=python$version-venv ;; *) package= ;; esac
    can_make_venv || [ -n "$package" ] || fail "$python lacks the modules venv and ensurepip: set PYTHON to another"
    can_make_venv || lack "$package" "the modules venv and ensurepip of $python"
    has_any make || lack make "make"
    if [ "$dev" = yes ]; then
        has_mariadb || lack mariadb-server "a MariaDB server (mariadbd)"
        has_chromium || lack chromium "a browser (chromium or google-chrome)"
        has_compose || lack docker-compose "docker-compose"
        has_axe || has_any npm || lack npm "npm"
    fi
    case $dev$platform in
        yes*) wanted=$TEST_SERVERS ;;
        *yes) wanted=$PLATFORM_SERVERS ;;
        *) wanted= ;;
    esac
    for name in $wanted; do
        has_any "$name" || has_unpacked "$name" ||
            { servers="$servers $name"; missing="$missing${missing:+, }$name"; }
    done
}

# What was installed is noted in a file, written last, so that an unfinished install has none.
noted() { sed -n "s/^$2 //p" "$1" 2>/dev/null || true; }
fingerprint() { cat Pipfile.lock pyproject.toml | sha256sum | cut -d ' ' -f 1; }

pipenv_fits() {
    [ "$(noted .pipenv/installed pipenv)" = "$PIPENV_VERSION" ] &&
        [ "$(noted .pipenv/installed python)" = "$version" ] &&
        [ "$(noted .pipenv/installed folder)" = "$PWD" ] &&
        .pipenv/bin/python -I -c 'import pipenv' >/dev/null 2>&1
}

# Says why .venv must be made anew; nothing if it may stay.
venv_fault() {
    [ -e .venv ] || [ -L .venv ] || return 0
    found=$(probe_python .venv/bin/python | sed -n 1p)
    folder=$(noted .venv/installed folder)
    # A symbolic link to the system's Python may lead to a newer one by now, without the packages.
    [ -z "$folder" ] || [ -z "$found" ] || found=$(noted .venv/installed python)
    if [ -z "$found" ]; then say "its Python does not run"
    elif [ "$found" != "$version" ]; then say "it is of Python $found"
    elif [ -n "$folder" ] && [ "$folder" != "$PWD" ]; then say "it was made in $folder"
    elif [ -z "$folder" ] && ! is_whole; then say "an earlier install did not finish"
    fi
}

# Whether each package in .venv has all its files, in full: pip takes one that was written half for a whole one.
is_whole() {
    .venv/bin/python -I -c 'import csv, importlib.metadata, os, sys, sysconfig
for package in importlib.metadata.distributions(path=[sysconfig.get_path("purelib")]):
    rows = list(csv.reader((package.read_text("RECORD") or "").splitlines()))
    for path, _, size in rows:
        file = package.locate_file(path)
        whole = file.exists() and size in ("", str(os.stat(file).st_size))
        if not whole and not path.endswith((".pyc", "__pycache__")):  # those are made anew when they are missing
            sys.exit(1)
    if not rows:
        sys.exit(1)' 2>/dev/null
}

imports() {
    modules="flask, granian, pydantic, sqlalchemy, ml_core.config"
    [ "$notebook" = no ] || modules="$modules, jupyterlab"
    [ "$dev" = no ] || modules="$modules, pytest"
    .venv/bin/python -I -c "import $modules" >/dev/null 2>&1
}

venv_fits() {
    [ "$(noted .venv/installed locked)" = "$(fingerprint)" ] &&
        [ "$(noted .venv/installed categories)" = "$categories" ] &&
        imports
}

show_plan() {
    size=600
    [ "$deep" = no ] || size=$((size + 2100))
    [ "$notebook" = no ] || size=$((size + 150))
    [ "$dev" = no ] || size=$((size + 250))
    say "This installs the suite into $PWD"
    say "  with      Python $version ($python)"
    say "  by apt   ${packages:- nothing: all that is needed is there}"
    if [ -n "$servers" ]; then say "  var/tools$servers, from apt's archive, as files alone: no daemon starts (about 140 MB)"; fi
    if [ "$dev" = yes ] && ! has_axe; then say "  var/tools axe-core $AXE_VERSION, by npm, for the tests alone"; fi
    say "  .pipenv/  pipenv $PIPENV_VERSION in an environment of its own (about 60 MB)"
    say "  .venv/    the Python packages of Pipfile.lock: $categories (about $size MB)"
    if [ -n "$fault" ]; then say "            The .venv that is there is replaced: $fault."; fi
}

check_terminal() {
    [ "$yes" = yes ] || [ -t 0 ] || fail "there is no terminal to ask on: run it with --yes"
}

confirm() {
    [ "$yes" = no ] || return 0
    printf 'Continue? [y/N] '
    read -r reply || reply=
    case $reply in [yY] | [yY][eE][sS]) ;; *) fail "nothing was changed" ;; esac
}

# Runs a step with its output in the log, and ends with one line if it fails: what went wrong is the first line that
# calls itself an error, else the last line.
step() {
    title=$1
    shift
    say "$title ..."
    printf '\n== %s\n' "$title" >"$LOG.step"
    code=0
    # In a subshell, so that what is said when this is interrupted does not go to the log.
    ("$@") >>"$LOG.step" 2>&1 || code=$?
    cat "$LOG.step" >>"$LOG"
    reason=$(grep -E '^ *([A-Za-z.]*(ERROR|Error)|E): ' "$LOG.step" | sed 's/^ *//;q')
    [ -n "$reason" ] || reason=$(sed '/^ *$/d' "$LOG.step" | tail -n 1)
    rm -f "$LOG.step"
    [ "$code" = 0 ] || fail "$title: failed ($code): $reason (all of it in $LOG)"
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# 9 is the lock of this script: a daemon that a package starts must not hold it.
apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@" 9>&-; }

# A list that cannot be fetched (another archive's, say) does not matter if the packages can be.
apt_update() { apt_get update || say "apt-get update: failed ($?)"; }

check_apt() {
    [ -n "$packages$servers" ] || return 0
    case $packages in
        *chromium*) ! is_ubuntu || fail "a browser is needed for the tests, and chromium is a snap on Ubuntu:" \
            "put a chromium or google-chrome on the PATH, and run this again" ;;
    esac
    has_any apt-get || fail "missing here: $missing. There is no apt-get: install them by hand, and run this again"
    [ "$(id -u)" = 0 ] || has_any sudo || [ -z "$packages" ] ||
        fail "missing here: $missing. There is no sudo: as root, apt-get install$packages, and run this again"
}

unpack_servers() {
    rm -rf var/tools/new && mkdir -p var/tools/new
    (
        cd var/tools/new
        # shellcheck disable=SC2086  # the names are words
        apt-get download $servers
        for archive in *.deb; do dpkg-deb -x "$archive" ..; done
    ) && rm -rf var/tools/new
}

install_packages() {
    [ -n "$packages$servers" ] || return 0
    if [ -n "$packages" ] || ! apt-cache show $servers >/dev/null 2>&1; then
        step "Fetching apt's lists" apt_update
    fi
    # shellcheck disable=SC2086  # the packages are words
    [ -z "$packages" ] || step "Installing$packages" apt_get install -y --no-install-recommends $packages
    [ -z "$servers" ] || step "Unpacking$servers into var/tools" unpack_servers
    find_missing
    [ -z "$missing" ] || fail "still missing after apt-get install: $missing"
}

# By npm, which knows the registry to ask; what it brings is used only if it is byte for byte what was tried.
unpack_axe() {
    rm -rf var/tools/axe && mkdir -p var/tools/axe
    (
        # The shell ignores -e in what a step calls, hence the chain.
        cd var/tools/axe &&
            npm pack --silent "axe-core@$AXE_VERSION" &&
            printf '%s  %s\n' "$AXE_SHA256" "axe-core-$AXE_VERSION.tgz" | sha256sum -c - &&
            tar -xzf "axe-core-$AXE_VERSION.tgz" package/axe.min.js package/LICENSE &&
            rm "axe-core-$AXE_VERSION.tgz" &&
            printf 'sha256 %s\n' "$AXE_SHA256" >installed
    )
}

install_axe() {
    [ "$dev" = yes ] && ! has_axe || return 0
    step "Fetching axe-core $AXE_VERSION into var/tools" unpack_axe
}

# Debian's Python takes no packages from pip (PEP 668), and its pipenv is older than our lock: hence one of our own.
install_pipenv() {
    pipenv_fits && return
    rm -rf .pipenv
    step "Making .pipenv" "$python" -m venv .pipenv
    step "Installing pipenv $PIPENV_VERSION" .pipenv/bin/python -m pip install --disable-pip-version-check \
        "pipenv==$PIPENV_VERSION"
    printf 'pipenv %s\npython %s\nfolder %s\n' "$PIPENV_VERSION" "$version" "$PWD" >.pipenv/installed
}

# The lock names no index: it is the one that pip itself would use here, by environment, pip.conf or default.
find_index() {
    .pipenv/bin/python -c 'from pip._internal.commands import create_command
print(create_command("install").parser.get_default_values().index_url)'
}

run_pipenv() {
    COLUMNS=250 PIPENV_VENV_IN_PROJECT=1 PIPENV_IGNORE_VIRTUALENVS=1 PIPENV_NOSPIN=1 .pipenv/bin/python -m pipenv "$@"
}

install_venv() {
    [ -z "$fault" ] || rm -rf .venv
    [ ! -d .venv ] || say "categories $categories" >.venv/installed
    PIP_INDEX_URL=${PIP_INDEX_URL:-$(find_index)} || fail "pip does not tell its index: set PIP_INDEX_URL"
    export PIP_INDEX_URL
    step "Comparing Pipfile.lock with Pipfile" run_pipenv verify
    set -- sync --categories "$categories"
    [ -e .venv ] || set -- --python "$python" "$@"
    step "Installing the Python packages into .venv (this takes some minutes)" run_pipenv "$@"
    imports || fail "the packages are installed but cannot be imported: remove .venv and run this again"
    printf 'python %s\nfolder %s\nlocked %s\ncategories %s\n' "$version" "$PWD" "$(fingerprint)" "$categories" \
        >.venv/installed.new
    mv .venv/installed.new .venv/installed
}

# A Debian made small may have no Python at all. Which version apt brings is looked at afterwards, as any other.
install_python() {
    [ -z "${PYTHON:-}" ] && ! has_any python3 python3.13 python3.12 python3.11 && has_any apt-get || return 0
    packages=" python3 python3-venv" servers="" missing="Python"
    check_apt
    check_terminal
    say "There is no Python here: apt installs$packages first."
    confirm
    : >"$LOG"
    step "Fetching apt's lists" apt_update
    # shellcheck disable=SC2086  # the packages are words
    step "Installing$packages" apt_get install -y --no-install-recommends $packages
}

# One install at a time in a folder. The lock goes with the process where there is flock, else with a trap.
take_lock() {
    { mkdir -p var/log && [ -w var/log ] && [ -w . ]; } 2>/dev/null || fail "cannot write to $PWD: run it as its owner"
    if has_any flock; then
        exec 9>var/install.lock
        # The last process of an install that was interrupted just now may need a moment to end.
        flock -w 5 9 || fail "another install runs in this folder: wait for it to end"
    else
        mkdir var/install.lock.d 2>/dev/null ||
            fail "another install runs in this folder: wait for it to end (if none does, remove var/install.lock.d)"
        trap 'rmdir var/install.lock.d' EXIT
    fi
}

take_lock
install_python
find_python
find_missing
trap 'say "install.sh: interrupted; run it again to finish" >&2; exit 130' HUP INT TERM

fault=$(venv_fault)
# What an earlier run has added stays, in step with the lock: a run without --dev does not take the test tools away.
case $(noted .venv/installed categories) in *dev-packages*) dev=yes ;; esac
case "$dev $(noted .venv/installed categories)" in yes* | *notebook*) notebook=yes ;; esac
case "$fault$(noted .venv/installed categories)" in "packages deep"*) deep=yes ;; esac
categories=packages
[ "$deep" = no ] || categories="$categories deep"
[ "$notebook" = no ] || categories="$categories notebook"
[ "$dev" = no ] || categories="$categories dev-packages"

if [ -z "$packages$servers$fault" ] && pipenv_fits && venv_fits && { [ "$dev" = no ] || has_axe; }; then
    say "All is installed already."
else
    check_apt
    check_terminal
    show_plan
    confirm
    : >"$LOG"
    install_packages
    install_axe
    install_pipenv
    install_venv
fi
say "Enter the environment with one of:"
say "  . .venv/bin/activate"
say "  .pipenv/bin/pipenv shell"
