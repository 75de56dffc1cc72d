#!/bin/sh
# Prints the Python to work with: $PYTHON, else the first fit one on the PATH.
# When there is none, says in one line on stderr what is wrong and what to do, and exits with 1.
set -u

# The code below must run on any Python, however old. It prints what is missing, or "fit".
probe='
import sys
def missing():
    if sys.version_info < (3, 11):
        return "is Python %d.%d, and 3.11 or newer is needed" % sys.version_info[:2]
    if sys.maxsize < 2 ** 32:
        return "is a 32-bit Python, and a 64-bit one is needed"
    import importlib
    for name in ("venv", "ensurepip", "ssl", "zlib", "bz2", "lzma", "ctypes", "sqlite3", "multiprocessing.synchronize"):
        try:
            importlib.import_module(name)
        except Exception:
            hint = " (on Debian and Ubuntu: apt-get install python3-venv)" if name in ("venv", "ensurepip") else ""
            return "lacks the standard module %s%s" % (name, hint)
    return "fit"
print(missing())
'

judge() { # a Python command -> "fit", or what is wrong with it
    "$1" -c "$probe" 2>/dev/null || echo "does not run"
}

if [ -n "${PYTHON:-}" ]; then
    verdict=$(judge "$PYTHON")
    if [ "$verdict" != fit ]; then
        echo "error: PYTHON=$PYTHON $verdict. Name another one: make PYTHON=/path/to/python3.11 ..." >&2
        exit 1
    fi
    echo "$PYTHON"
    exit 0
fi

complaint=""
for candidate in python3.11 python3.12 python3.13 python3 python3.14 python; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    verdict=$(judge "$candidate")
    if [ "$verdict" = fit ]; then
        echo "$candidate"
        exit 0
    fi
    [ -n "$complaint" ] && [ "$candidate" != python3 ] || complaint="$candidate $verdict"
done
echo "error: no fit Python found (${complaint:-none is on the PATH}). Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3.11 ..." >&2
exit 1
