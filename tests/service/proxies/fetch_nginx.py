"""`python -m tests.service.proxies.fetch_nginx`: puts Debian's nginx into .nginx/, once, without installing anything.

Where apt cannot give it, a line says so, and the tests run behind the stand-in alone.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / ".nginx"
UNPACKED = FOLDER / "usr" / "sbin" / "nginx"


def program() -> Path | None:
    """The nginx to test with: an installed one, or the one that was fetched."""
    installed = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    return Path(installed) if installed else UNPACKED if UNPACKED.is_file() else None


def fetch() -> bool:
    """Whether the package could be downloaded and unpacked."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        got = subprocess.run(["apt-get", "download", "nginx"], cwd=folder, capture_output=True)
        packages = list(Path(folder).glob("nginx_*.deb"))
        if got.returncode != 0 or len(packages) != 1:
            return False
        return subprocess.run(["dpkg-deb", "-x", str(packages[0]), str(FOLDER)], capture_output=True).returncode == 0


def main() -> None:
    if program() is None and not fetch():
        print("No nginx here, and apt cannot fetch it: the tests of proxies run behind a stand-in alone.", flush=True)


if __name__ == "__main__":
    main()
