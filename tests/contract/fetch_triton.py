"""`python -m tests.contract.fetch_triton`: puts a real Triton core into .triton/, once.

The wheel of nvidia-pytriton carries the server's binary, its libraries, the Python backend and that backend's stubs.
It is downloaded through pip, without its dependencies, checked and unzipped; it is never installed.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

VERSION = "0.7.0"
WHEEL_SHA256 = "21f063ff93bb426d0c06b7a55e7eb9efcfe62c0dddd9a908e9877e18710128df"
ROOT = Path(__file__).resolve().parents[2]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
HOME = ROOT / ".triton" / f"nvidia-pytriton-{VERSION}-python-{PYTHON}"

SERVER = HOME / "pytriton" / "tritonserver" / "bin" / "tritonserver"
LIBRARIES = HOME / "nvidia_pytriton.libs"
PYTHON_BACKEND = HOME / "pytriton" / "tritonserver" / "backends" / "python"
STUBS = Path("pytriton") / "tritonserver" / "python_backend_stubs"
STUB = "triton_python_backend_stub"
KEPT = ("pytriton/tritonserver/", "nvidia_pytriton.libs/")


class CannotFetch(Exception):
    """One line that says what is wrong and what to do."""


def check_machine() -> None:
    """The wheel runs on Linux x86-64 with glibc 2.35 or newer."""
    library, version = platform.libc_ver()
    numbers = tuple(int(part) for part in version.split(".")[:2]) if version else (0, 0)
    if sys.platform != "linux" or platform.machine() != "x86_64" or library != "glibc" or numbers < (2, 35):
        raise CannotFetch(
            "the contract tests need Linux x86-64 with glibc 2.35 or newer for the Triton core; elsewhere run "
            "`make test` in a container."
        )


def download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", f"nvidia-pytriton=={VERSION}", "--no-deps"]
    command += ["--only-binary", ":all:", "--quiet", "--disable-pip-version-check", "--dest", str(folder)]
    if subprocess.run(command).returncode != 0:
        raise CannotFetch(f"pip could not download nvidia-pytriton {VERSION}: look at pip's lines above.")
    (wheel,) = folder.glob("*.whl")
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != WHEEL_SHA256:
        raise CannotFetch(f"{wheel.name} is not the file that was reviewed: its SHA-256 differs.")
    return wheel


def unpack(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(KEPT)])


def place_stub(folder: Path) -> None:
    """The Python backend wants the stub of this very Python beside its library."""
    stub = folder / STUBS / PYTHON / STUB
    if not stub.is_file():
        raise CannotFetch(
            f"the Triton core has no stub for Python {PYTHON}: make .venv with Python 3.11, 3.12 or 3.13."
        )
    shutil.copyfile(stub, folder / PYTHON_BACKEND.relative_to(HOME) / STUB)
    shutil.rmtree(folder / STUBS)
    for program in (PYTHON_BACKEND / STUB, SERVER):
        (folder / program.relative_to(HOME)).chmod(0o755)


def fetch() -> None:
    """Fill HOME unless it is there; a run that breaks off leaves nothing behind that looks whole."""
    if HOME.is_dir():
        return
    check_machine()
    print(f"Fetching a Triton core for the contract tests (55 MB) into {HOME.relative_to(ROOT)} ...", flush=True)
    HOME.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME.parent) as scratch:
        unpacked = Path(scratch) / "unpacked"
        unpack(download(Path(scratch)), unpacked)
        place_stub(unpacked)
        try:
            unpacked.rename(HOME)
        except OSError:
            if not HOME.is_dir():  # else somebody else was faster, with the same files
                raise


def main() -> None:
    try:
        fetch()
    except CannotFetch as error:
        sys.exit(f"fetch_triton: {error}")


if __name__ == "__main__":
    main()
