#!/bin/sh
# Install a requirements file into .venv, which is made when absent.
#
#     sh tools/install.sh requirements.txt
#
# uv installs in parallel and honours requirements/overrides.txt. Where it can't be used (no wheel for this
# machine, or an index that only pip is set up for), pip does the same in about two minutes more.
set -eu

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}

requirements=$1
python=${PYTHON:-python3}

command -v "$python" >/dev/null || fail "no $python here; install Python 3.10, 3.11 or 3.12, or name one: make PYTHON=python3.11"
"$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' ||
    fail "$("$python" --version) is not supported: use 3.10, 3.11 or 3.12, as in: make PYTHON=python3.11"

if [ ! -x .venv/bin/pip ]; then
    "$python" -m venv .venv || fail "can't make .venv: on Debian and Ubuntu, run: apt-get install python3-venv"
fi

pip() {
    .venv/bin/python -m pip --disable-pip-version-check "$@"
}

with_uv() {
    pip install --quiet uv==0.13.8 2>/dev/null &&
        .venv/bin/uv pip install --compile-bytecode --python .venv/bin/python --overrides requirements/overrides.txt -r "$requirements"
}

with_pip() {
    pip install -r "$requirements"
    # pip has no overrides: take out what needs libGL and put the headless files back.
    pip uninstall --quiet --yes opencv-python opencv-python-headless
    pip install --quiet --no-deps "$(grep '^opencv-python-headless' requirements/overrides.txt)"
}

with_uv || { echo "uv could not install; trying pip" >&2; with_pip; } ||
    fail "installing $requirements failed; the reason stands above"
