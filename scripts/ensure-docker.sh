#!/bin/sh
# Makes a Docker engine answer. Does nothing where one does; on Debian or Ubuntu as root it installs and starts one;
# elsewhere it says what to do and exits with 3.
set -eu

deadline=${CWM_AGENT_ENGINE_SECONDS:-90}
log=${CWM_AGENT_ENGINE_LOG:-/var/log/cwm-agent-dockerd.log}
socket=/var/run/docker.sock

answers() {
    case "${DOCKER_HOST:-}" in
        '') curl -fsS --max-time 5 --unix-socket "$socket" http://localhost/_ping > /dev/null 2>&1 \
            || timeout 10 docker version > /dev/null 2>&1 ;;
        unix://*) curl -fsS --max-time 5 --unix-socket "${DOCKER_HOST#unix://}" http://localhost/_ping > /dev/null 2>&1 ;;
        *) timeout 20 docker version > /dev/null 2>&1 ;;
    esac
}

give_up() {
    echo "No Docker engine answers. $1" >&2
    exit 3
}

is_debian() {
    [ -r /etc/os-release ] && grep -Eq '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release
}

install_engine() {
    missing=
    command -v dockerd > /dev/null 2>&1 || missing="docker.io"
    command -v debootstrap > /dev/null 2>&1 || missing="$missing debootstrap debian-archive-keyring"
    command -v curl > /dev/null 2>&1 || missing="$missing curl"
    [ -n "$missing" ] || return 0
    command -v iptables > /dev/null 2>&1 || missing="$missing iptables"
    echo "Installing $missing" >&2
    apt-get update -q >&2
    # shellcheck disable=SC2086 # one word for each package
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >&2
}

start_engine() {
    if [ -d /run/systemd/system ]; then
        systemctl start docker
    else
        echo "Starting dockerd, log in $log" >&2
        setsid dockerd > "$log" 2>&1 < /dev/null &
    fi
}

wait_for_engine() {
    waited=0
    until answers; do
        [ "$waited" -lt "$deadline" ] || give_up "dockerd did not get ready within $deadline s; see $log."
        sleep 1
        waited=$((waited + 1))
    done
}

if answers; then
    exit 0
fi
if [ -n "${DOCKER_HOST:-}" ]; then
    give_up "DOCKER_HOST is $DOCKER_HOST: start that engine, or unset the variable."
fi
if [ "$(uname -s)" = Darwin ]; then
    give_up "Install Docker Desktop, colima or OrbStack, start it, and try again."
fi
if [ "$(id -u)" -ne 0 ]; then
    give_up "Start it (sudo systemctl start docker) or install it (https://docs.docker.com/engine/install/); \
your user must be allowed to use it (sudo usermod -aG docker $(id -un), then log in again)."
fi
is_debian || give_up "Install and start it: https://docs.docker.com/engine/install/"
install_engine
# Two runs at once must not start two engines.
exec 9> /run/cwm-agent-dockerd.lock
flock 9 2> /dev/null || true
answers || start_engine 9>&-
wait_for_engine
