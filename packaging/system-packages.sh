#!/bin/sh
# Makes sure that the interpreter named by $1 is new enough and can create virtual environments.
# As root on a system with apt-get it installs what is missing; elsewhere it says what to install and fails.
set -eu
python=${1:-python3}
missing=

if ! command -v "$python" >/dev/null 2>&1; then
    missing="python3 python3-venv"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "NymConnect needs Python 3.11 or newer; choose one with: make setup PYTHON=python3.12" >&2
    exit 1
elif ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    missing="python3-venv" # Debian splits ensurepip off the interpreter
fi
[ -n "$missing" ] || exit 0

if [ "$python" != python3 ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Please install first (Debian's names): $missing" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # a list of packages
apt-get install -y -qq --no-install-recommends $missing </dev/null >/dev/null
