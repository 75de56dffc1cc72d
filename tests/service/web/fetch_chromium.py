"""`python -m tests.service.web.fetch_chromium`: sees to it that there is a browser for the tests of the page.

Where none is installed, apt installs Debian's chromium, for which it must be root; else one line says what to do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    "The tests of the page need a browser, and apt cannot install one here. Install chromium (as root: "
    "`apt-get install chromium`), or put chromium or google-chrome on the PATH."
)


def program() -> str | None:
    """The browser to test with."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def fetch() -> bool:
    """Whether apt has installed one. Its lists may be old or missing, so they are read again first."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return False
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "chromium", "fonts-dejavu-core"]
    for command in (["apt-get", "update", "--quiet"], install):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stderr, file=sys.stderr, flush=True)
    return program() is not None


def main() -> None:
    if not program() and not fetch():
        print(MISSING, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
