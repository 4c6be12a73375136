#!/bin/sh
# Builds the image with buildah, on a Debian that debootstrap makes here: no registry is asked, no daemon is needed. Then it
# serves an app from it as the image's own user, and asks whether that is ready. As root; it takes some minutes.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

FOLDER=var/try/image
BASE=localhost/suite-base
IMAGE=localhost/ml-monitoring-suite
PORT=${PORT:-35001}

fail() { printf 'try-image.sh: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "run it as root"
for name in buildah debootstrap; do
    command -v "$name" >/dev/null || fail "$name is needed: apt-get install --no-install-recommends buildah debootstrap"
done

mkdir -p "$FOLDER"
storage=$PWD/$FOLDER/storage
run_buildah() { buildah --root "$storage/root" --runroot "$storage/run" --storage-driver vfs "$@"; }

make_base() {
    if [ ! -e "$FOLDER/base.made" ]; then
        rm -rf "$FOLDER/base"
        debootstrap --variant=minbase --include=python3,python3-venv,make,ca-certificates stable "$FOLDER/base"
        touch "$FOLDER/base.made"
    fi
    # Packages come from where this machine gets them, and by the certificates that it trusts.
    cp /etc/ssl/certs/ca-certificates.crt "$FOLDER/base/etc/ssl/certs/ca-certificates.crt"
    printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$FOLDER/base/etc/pip.conf"
    container=$(run_buildah from scratch)
    run_buildah add "$container" "$FOLDER/base" /
    run_buildah commit --rm "$container" "$BASE"
}

run_buildah images -q "$BASE" 2>/dev/null | grep -q . || make_base
# The format of docker keeps the health check, which that of OCI has no place for.
run_buildah bud --isolation chroot --pull-never --format docker --build-arg BASE="$BASE" \
    --build-arg PIP_INDEX_URL="${PIP_INDEX_URL:-}" -f deploy/Dockerfile -t "$IMAGE" .

container=$(run_buildah from --pull-never "$IMAGE")
trap 'run_buildah rm "$container" >/dev/null' EXIT
# shellcheck disable=SC2016  # it is the shell of the container that is to read these
run_buildah run --isolation chroot "$container" -- sh -c '
    export ML_MONITOR__PORT='"$PORT"'
    [ "$(id -u)" = 10001 ] || { echo "runs as $(id -u)"; exit 1; }
    ! touch /suite/ml_core/new 2>/dev/null || { echo "may change the code"; exit 1; }
    timeout 60 sh -c "exec python -m $APP serve" &
    for second in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        sleep 1
        if python -m ml_core.launcher probe "$APP" 2>/dev/null; then echo "$APP is ready"; kill $!; wait; exit 0; fi
    done
    echo "$APP does not get ready"; exit 1'
run_buildah images "$IMAGE"
