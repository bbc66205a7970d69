#!/bin/sh
# Makes .venv with the package and its development tools. Needs Python 3.11 or later; on Debian or Ubuntu as root
# what is missing of it is installed, elsewhere the script says what to do and exits with 3.
set -eu

python=${PYTHON:-python3}

give_up() {
    echo "$1" >&2
    exit 3
}

debian_root() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get > /dev/null 2>&1
}

apt_install() {
    echo "Installing $*" >&2
    apt-get update -q >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2
}

recent() {
    "$python" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2> /dev/null
}

if ! command -v "$python" > /dev/null 2>&1 && debian_root; then
    apt_install python3 python3-venv
fi
recent || give_up "cwm-agent needs Python 3.11 or later as $python. Install it, or name another: make PYTHON=python3.12 …"
if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
    debian_root || give_up "Python's venv module is missing. On Debian or Ubuntu: sudo apt-get install python3-venv"
    apt_install python3-venv
fi
if ! command -v git > /dev/null 2>&1; then
    debian_root || give_up "git is missing. Install it first."
    apt_install git
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "Installing Python packages into .venv" >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
