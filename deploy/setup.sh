#!/bin/sh
# Makes the virtual environment .venv: the packages of pyproject.toml in the versions of constraints.txt.
# .venv/.ready holds what the environment was made from (folder and Python; checksum): when that still holds, nothing is done.
set -eu
cd "$(dirname "$0")/.."

identity() { # a Python command -> its version and where it lives; nothing if it does not run
    "$1" -c 'import sys; print(sys.version.split()[0], sys.base_prefix)' 2>/dev/null || true
}

fail() {
    echo "error: $1" >&2
    exit 1
}

present=$(identity .venv/bin/python)
if [ -z "${PYTHON:-}" ] && [ -n "$present" ]; then
    python=.venv/bin/python
else
    python=$(sh deploy/find_python.sh)
fi
made_by="$PWD $(identity "$python")"
made_from=$(cat pyproject.toml constraints.txt deploy/setup.sh | cksum)
if [ -n "$present" ] && [ "$(cat .venv/.ready 2>/dev/null)" = "$made_by
$made_from" ]; then
    exit 0
fi

if [ -L .venv ]; then # what it points to serves another folder, and would be emptied
    fail ".venv is a link to $(readlink .venv), which was not made here. Remove the link, and run the command again."
fi
previous=$(head -n 1 .venv/.ready 2>/dev/null || true)
rm -f .venv/.ready
if [ "$PWD $present" != "$made_by" ] || [ "${previous:-$made_by}" != "$made_by" ]; then
    [ "$python" != .venv/bin/python ] || python=$(sh deploy/find_python.sh)
    made_by="$PWD $(identity "$python")"
    echo "Making .venv with $python ..."
    "$python" -m venv --clear .venv || fail "the virtual environment could not be made; the lines above say why."
fi

# torch comes first and alone: it is the largest by far, and a failure then names it.
install() {
    .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --constraint constraints.txt "$@" ||
        fail "pip failed; its lines above say why. The same command goes on where this one stopped."
}
echo "Installing the packages of constraints.txt (minutes the first time, seconds later) ..."
install torch setuptools
install --no-build-isolation --editable '.[client,service,embedded,training,dev]'
printf '%s\n%s\n' "$made_by" "$made_from" >.venv/.ready
