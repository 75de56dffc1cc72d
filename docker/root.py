"""`python docker/root.py ROOT MODULE...`: gathers into ROOT what a program of the service needs, and nothing else.

Runs inside a build, under the Python of the virtual environment that is to be shipped. ROOT becomes the whole file
system of the image: this Python, its standard library, the environment, the shared libraries that these load, the
certificates of the public authorities and two users. No shell, no package manager, no compiler. The records of the
Debian packages that a file was taken from come along, for whoever looks for known holes in them. MODULE... are what
will be run: bytecode is made for what they load.
"""

from __future__ import annotations

import os
import py_compile
import re
import shutil
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable
from pathlib import Path

USER_ID = 10001
PASSWD = "root:x:0:0:root:/:/sbin/nologin\n{name}:x:{id}:{id}:{name}:/tmp:/sbin/nologin\n"
GROUP = "root:x:0:\n{name}:x:{id}:\n"
NAME_SERVICES = "passwd: files\ngroup: files\nhosts: files dns\n"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
OF_CERTIFICATES = Path("/usr/sbin/update-ca-certificates")  # of the package that the made file above comes from
KEPT_FILES = ("/etc/os-release", "/etc/debian_version", "/etc/ld.so.conf", "/etc/ld.so.cache", str(CERTIFICATES))
ALWAYS_LOADED = ("libgcc_s.so.1", "libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2")  # at run time, by name
NOT_OF_THE_LIBRARY = ("test", "idlelib", "lib2to3", "ensurepip", "tkinter", "turtledemo", "site-packages", "pydoc_data")
NOT_OF_PACKAGES = ("tests", "test", "include")  # of numpy and torch: tests, and headers for compilers
NOT_SHIPPED = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils", "wheel")  # what only installs
ELF = b"\x7fELF"
PT_NULL = 0
RANDOM_BYTES = 4096
LIST_LOADED = (
    "import sys; print(*{one.__file__ for one in [*sys.modules.values()] if getattr(one, '__file__', 0)}, sep='\\n')"
)
Ignore = Callable[[str, list[str]], set[str]]  # folder, names in it -> those to leave out


def main() -> None:
    root, modules = Path(sys.argv[1]), sys.argv[2:]
    site = Path(sysconfig.get_path("purelib"))
    copy_tree(Path(sys.prefix), root, ignore_packages(site))
    copy_python(root)
    taken = [Path(name) for name in KEPT_FILES if Path(name).exists()] + libraries(elf_files(root), root)
    for file in taken:
        copy_file(file, root)
    copy_links(root)
    write_users(root)
    write_records(root, [*taken, Path(os.path.realpath(sys.executable)), *standard_library().rglob("*.py")])
    for file in elf_files(root):
        strip(file)
    compile_loaded(root, modules)


def ignore_packages(site: Path) -> Ignore:
    """For copytree: what an environment holds that nobody runs."""

    def ignored(folder: str, names: list[str]) -> set[str]:
        if Path(folder) == site:
            return {name for name in names if re.split(r"[-.]", name)[0] in NOT_SHIPPED}
        package = Path(folder).relative_to(site).parts[:1] if Path(folder).is_relative_to(site) else ()
        skipped = set(NOT_OF_PACKAGES) if package in {("numpy",), ("torch",)} else set()
        if package == ("torch",) and Path(folder).name == "bin":
            skipped |= set(names) - {"torch_shm_manager"}  # which torch looks for when it is loaded
        return {name for name in names if name in skipped or name == "__pycache__"}

    return ignored


def copy_tree(folder: Path, root: Path, ignore: Ignore) -> None:
    shutil.copytree(folder, inside(root, folder), symlinks=True, ignore=ignore, dirs_exist_ok=True)


def standard_library() -> Path:
    return Path(sysconfig.get_path("stdlib"))


def copy_python(root: Path) -> None:
    """The interpreter that the environment points to, by every name of it, and its standard library."""
    place = Path(sys.executable)
    while place.is_symlink():
        target = place.parent / os.readlink(place)
        inside(root, target).parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() and not os.path.lexists(inside(root, target)):
            shutil.copy2(target, inside(root, target), follow_symlinks=False)
        place = target
    copy_file(place, root)
    skip = shutil.ignore_patterns("__pycache__", "config-*", "dist-packages", *NOT_OF_THE_LIBRARY)
    copy_tree(standard_library(), root, skip)


def elf_files(root: Path) -> list[Path]:
    """Programs and libraries below ROOT."""
    files = (file for file in sorted(root.rglob("*")) if file.is_file() and not file.is_symlink())
    return [file for file in files if starts_with(file, ELF)]


def starts_with(file: Path, magic: bytes) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(magic)) == magic


def libraries(programs: Iterable[Path], root: Path) -> list[Path]:
    """The system's shared libraries that `programs` load, and what these load; their loader too."""
    found: set[Path] = set()
    for program in programs:
        told = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
        found |= {Path(path) for path in re.findall(r"(?:=> |^\s+)(/[^\s]+) \(", told, re.M)}
    folders = {path.parent for path in found}
    found |= {folder / name for folder in folders for name in ALWAYS_LOADED if (folder / name).exists()}
    return sorted(path for path in found if not path.is_relative_to(root))


def copy_file(file: Path, root: Path) -> None:
    """What `file` names, under that very name."""
    target = inside(root, file)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copy2(file, target)


def inside(root: Path, path: Path) -> Path:
    """Where `path` lies below ROOT. /lib and the like are links to /usr/lib in Debian, and become folders there."""
    merged = re.sub(r"^/(lib|lib64|bin|sbin)/", r"/usr/\1/", str(path))
    return root / (merged if Path("/lib").is_symlink() else str(path)).lstrip("/")


def copy_links(root: Path) -> None:
    """/lib and the like point where they point in the image that all this was taken from."""
    for name in ("lib", "lib64", "bin", "sbin"):
        if Path("/", name).is_symlink():
            (root / "usr" / name).mkdir(parents=True, exist_ok=True)
            (root / name).symlink_to(f"usr/{name}")


def write_users(root: Path) -> None:
    """Root, whom nobody becomes, and the user that runs the program; name services without plug-ins; /tmp."""
    etc = root / "etc"
    etc.mkdir(exist_ok=True)
    (etc / "passwd").write_text(PASSWD.format(name="inpaint", id=USER_ID))
    (etc / "group").write_text(GROUP.format(name="inpaint", id=USER_ID))
    (etc / "nsswitch.conf").write_text(NAME_SERVICES)
    (root / "tmp").mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)


def write_records(root: Path, taken: Iterable[Path]) -> None:
    """Debian's records of the packages that own a file that was taken, where scanners look for them."""
    lists = Path("/var/lib/dpkg/info")
    names = {os.path.realpath(path) for path in (*taken, OF_CERTIFICATES)}
    owners = {
        record.stem.partition(":")[0]
        for record in lists.glob("*.list")
        if names & {os.path.realpath(line) for line in record.read_text().splitlines() if line.startswith("/")}
    }
    status = Path("/var/lib/dpkg/status")
    records = status.read_text().split("\n\n") if status.is_file() else []
    kept = [text for text in records if re.match(r"Package: (\S+)", text) and text.split()[1] in owners]
    folder = root / "var" / "lib" / "dpkg"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "status").write_text("".join(f"{text.strip()}\n\n" for text in kept))


def strip(file: Path) -> None:
    """Cut off an ELF file what only debuggers read: everything behind the last byte that is loaded into memory."""
    with file.open("r+b") as opened:
        header = bytearray(opened.read(64))
        if header[4:6] != b"\x02\x01":
            return  # not of 64 bits, little-endian
        table, size, count = (*struct.unpack_from("<Q", header, 32), *struct.unpack_from("<HH", header, 54))[:3]
        opened.seek(table)
        entries = [struct.unpack_from("<IIQQQQQQ", opened.read(size)) for _ in range(count)]
        end = max([table + size * count, *(entry[2] + entry[5] for entry in entries if entry[0] != PT_NULL)])
        struct.pack_into("<Q", header, 40, 0)  # no table of sections any more
        struct.pack_into("<HH", header, 60, 0, 0)
        opened.seek(0)
        opened.write(header)
        opened.truncate(end)


def compile_loaded(root: Path, modules: list[str]) -> None:
    """Bytecode of what `modules` load. It does not depend on times of files: the file system will be read-only.

    Root, as who images are built, loads them with ROOT as the whole file system, so that what is missing fails here.
    """
    alone = os.geteuid() == 0
    place = "/app" if alone else str(root / "app")
    code = f"import sys; sys.path[0] = {place!r}\nimport {', '.join(modules)}\n{LIST_LOADED}"
    devices = root / "dev"  # Docker makes it when the image runs; torch wants one device at once
    devices.mkdir(exist_ok=True)
    (devices / "urandom").write_bytes(os.urandom(RANDOM_BYTES))
    told = subprocess.run(
        [sys.executable, "-B", "-c", code],
        capture_output=True,
        text=True,
        env={"PATH": str(Path(sys.executable).parent)},
        preexec_fn=(lambda: enter(root)) if alone else None,
    )
    shutil.rmtree(devices)
    if told.returncode != 0:
        sys.exit(f"root.py: what was gathered does not run:\n{told.stderr}")
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    for line in told.stdout.splitlines():
        loaded = Path(line)
        source = loaded if loaded.is_relative_to(root) else inside(root, loaded)
        if source.suffix == ".py" and source.is_file():
            shipped = "/" / source.relative_to(root)
            py_compile.compile(str(source), dfile=str(shipped), doraise=True, invalidation_mode=mode)


def enter(root: Path) -> None:
    """Make ROOT the whole file system of this process."""
    os.chroot(root)
    os.chdir("/app")


if __name__ == "__main__":
    main()
