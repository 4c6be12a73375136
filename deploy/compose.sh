#!/bin/sh
# The words of the launcher (start, stop, status) for containers: make calls this with RUNTIME=docker.
# Secrets that the environment does not name are made once and kept in var/docker.env, which only its owner may read.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

SECRETS=var/docker.env

usage() {
    cat >&2 <<'END'
usage: deploy/compose.sh start [SERVICE...] | stop [--all] [SERVICE...] | status | build | test [ARGUMENT...]
                         | remove | remove-data
END
    exit 2
}

fail() { printf 'compose.sh: %s\n' "$*" >&2; exit 1; }

if docker compose version >/dev/null 2>&1; then
    compose() { docker compose --env-file "$SECRETS" -f deploy/docker-compose.yml -p ml-monitoring-suite "$@"; }
elif command -v docker-compose >/dev/null; then
    compose() { docker-compose --env-file "$SECRETS" -f deploy/docker-compose.yml -p ml-monitoring-suite "$@"; }
else
    fail "neither docker compose nor docker-compose is installed here"
fi

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# What the file has is kept; what it lacks is taken from the environment, or made.
make_secrets() {
    mkdir -p var
    (umask 077 && touch "$SECRETS")
    for name in ADMIN_PASSWORD ML_AUTH__READ_TOKENS ML_AUTH__WRITE_TOKENS JUPYTER_TOKEN; do
        if ! grep -q "^$name=" "$SECRETS"; then
            eval "value=\${$name:-}"
            printf '%s=%s\n' "$name" "${value:-$(random)}" >>"$SECRETS"
        fi
    done
}

# Services are called by the apps' names, with the dash that host names want.
services() { for name in "$@"; do printf '%s\n' "$name" | tr _ -; done; }

show() {
    cat <<END
the platform runs in containers; passwords and tokens are in $SECRETS:
  ml-monitor         http://127.0.0.1:5001/
  ml-models          http://127.0.0.1:5002/
  cloudwatch-engine  http://127.0.0.1:5003/
  anomaly-api        http://127.0.0.1:8080/
  Prometheus         http://127.0.0.1:9090/          ADMIN_USER (admin) and ADMIN_PASSWORD
  Grafana            http://127.0.0.1:3000/?orgId=1  the same
END
}

[ $# -gt 0 ] || usage
verb=$1
shift
make_secrets
case $verb in
    # shellcheck disable=SC2046  # the names are words
    start)
        compose up --detach --build $(services "$@")
        if [ "$*" = jupyter ]; then
            printf 'JupyterLab: http://127.0.0.1:8888/lab/tree/explore.ipynb, its token is JUPYTER_TOKEN in %s\n' "$SECRETS"
        else
            show
        fi
        ;;
    stop)
        case "$*" in
            --all) compose --profile notebook down ;;
            "") compose down ;;
            *) compose rm --force --stop $(services "$@") ;;
        esac
        ;;
    status) compose ps ;;
    build) compose build prepare ;;  # all services of the suite are of one image
    test) compose exec -T anomaly-api python -m anomaly_api.tester "$@" ;;
    remove) compose --profile notebook down --rmi local --remove-orphans ;;
    remove-data) compose --profile notebook down --volumes ;;
    *) usage ;;
esac
