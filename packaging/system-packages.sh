#!/bin/sh
# Makes sure that the interpreter named by $1 is new enough and can create virtual environments, and on Linux that the
# libraries are there which Qt needs and no wheel brings.
# As root on a system with apt-get it installs what is missing; elsewhere it says what to install and fails, unless only
# the window needs it: everything else works without.
set -eu
python=${1:-python3}
missing=
desktop=

if ! command -v "$python" >/dev/null 2>&1; then
    missing="python3 python3-venv"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "NymConnect needs Python 3.11 or newer; choose one with: make setup PYTHON=python3.12" >&2
    exit 1
elif ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    missing="python3-venv" # Debian splits ensurepip off the interpreter
fi

# One soname for each of Debian 12's packages: QtCore, then QtGui and QtNetwork, then the xcb and wayland platforms.
while read -r library package; do
    [ "$(uname -s)" = Linux ] || break
    "$python" -c "import ctypes, sys; ctypes.CDLL(sys.argv[1])" "$library" 2>/dev/null || desktop="$desktop $package"
done <<EOF
libglib-2.0.so.0 libglib2.0-0
libEGL.so.1 libegl1
libGL.so.1 libgl1
libxkbcommon.so.0 libxkbcommon0
libdbus-1.so.3 libdbus-1-3
libfontconfig.so.1 libfontconfig1
libbrotlidec.so.1 libbrotli1
libxcb-cursor.so.0 libxcb-cursor0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-xkb.so.1 libxcb-xkb1
libxcb-shape.so.0 libxcb-shape0
libxkbcommon-x11.so.0 libxkbcommon-x11-0
libwayland-cursor.so.0 libwayland-cursor0
libwayland-egl.so.1 libwayland-egl1
EOF
if [ -n "$desktop" ] && ! fc-list 2>/dev/null | grep -q .; then
    desktop="$desktop fonts-dejavu-core" # a window without any font shows boxes
fi
[ -n "$missing$desktop" ] || exit 0

can_install=
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 && can_install=yes
if [ -n "$missing" ] && { [ "$python" != python3 ] || [ -z "$can_install" ]; }; then
    echo "Please install first (Debian's names): $missing" >&2
    exit 1
fi
if [ -z "$can_install" ]; then
    echo "For the window, please install (Debian's names):$desktop" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # a list of packages
apt-get install -y -qq --no-install-recommends $missing $desktop </dev/null >/dev/null
