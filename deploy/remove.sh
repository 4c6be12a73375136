#!/bin/sh
# Removes what install.sh and the platform have made in the folder above this one; deploy/remove.sh --help says how.
# Packages that apt has installed stay: others may use them by now.
set -eu

ENVIRONMENTS=".venv .pipenv"
CACHES=".pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache"
WORK="run log tools try bench-anchors install.lock"
DATA="store artifacts spool backups cloudwatch prometheus alertmanager"

usage() {
    cat <<'END'
usage: deploy/remove.sh env | all [--yes]

  env    the Python environments that install.sh has made, and caches
  all    what the platform has left under var/, its images and containers if it ran in docker;
         models, predictions and all other data only after asking
  --yes  the data without asking
  --help show this

Nothing is removed while the platform runs (make stop-all stops it) or cron calls its jobs (make remove-cron ends that).
END
}

say() { printf '%s\n' "$*"; }

fail() { say "remove.sh: $*" >&2; exit 1; }

CDPATH='' cd -- "$(dirname -- "$0")/.."

what=
yes=no
for argument in "$@"; do
    case $argument in
        env | all) what=$argument ;;
        --yes) yes=yes ;;
        --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
[ -n "$what" ] || { usage >&2; exit 2; }

# A pid may be another process's by now; that costs a question too many, never a folder too many.
check_stopped() {
    for file in var/run/*.pid; do
        [ -e "$file" ] || continue
        pid=$(sed -n 's/.*"pid": *\([0-9][0-9]*\).*/\1/p' "$file")
        if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
            fail "$(basename "$file" .pid) runs (pid $pid): make stop-all first"
        fi
    done
    if crontab -l 2>/dev/null | grep -qxF "# >>> jobs of $(pwd -P) >>>"; then
        fail "cron calls the jobs of this folder: make remove-cron first"
    fi
}

# A link is removed as such, never what it leads to.
remove() {
    if [ -L "$1" ]; then rm -f "$1"; elif [ -e "$1" ]; then rm -rf "$1"; else return 0; fi
    say "removed $1"
}

remove_env() {
    for folder in $ENVIRONMENTS; do
        if [ -e "$folder/installed" ]; then
            remove "$folder"
        elif [ -e "$folder" ]; then
            say "kept $folder: it has no note of install.sh in it"
        fi
    done
    for folder in $CACHES; do remove "$folder"; done
    for folder in *.egg-info; do remove "$folder"; done
    # Not below var, where other trees may stand.
    for folder in ml_core ml_models ml_monitor forecasting_jobs cloudwatch_engine anomaly_api tests benchmarks; do
        [ ! -d "$folder" ] || find "$folder" -type d -name __pycache__ -prune -exec rm -rf {} +
    done
}

found_data() { for name in $DATA; do [ ! -e "var/$name" ] || printf ' var/%s' "$name"; done; }

confirm_data() {
    [ "$yes" = no ] || return 0
    [ -t 0 ] || { say "kept$1: there is no terminal to ask on, and no --yes"; return 1; }
    printf 'Remove all data as well:%s? Nothing brings it back. [y/N] ' "$1"
    read -r reply || reply=
    case $reply in [yY] | [yY][eE][sS]) ;; *) say "kept$1"; return 1 ;; esac
}

remove_all() {
    if [ -e var/docker.env ]; then ./deploy/compose.sh remove; fi
    for name in $WORK; do remove "var/$name"; done
    data=$(found_data)
    if [ -n "$data" ] && confirm_data "$data"; then
        for name in $data; do remove "$name"; done
    fi
    [ ! -e var/docker.env ] || ! confirm_data " of the containers" || { ./deploy/compose.sh remove-data; remove var/docker.env; }
    rmdir var 2>/dev/null || true
}

check_stopped
"remove_$what"
