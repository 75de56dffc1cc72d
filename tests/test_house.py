"""Rules of the whole tree: what is pinned, what loads torch, what the commands and documents promise."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from service.completion.pipelines import PIPELINES
from service.settings import Settings

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def tracked() -> list[str]:
    """Paths of the project's files; in a folder without git, of everything that .gitignore would not keep out."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        return listed.stdout.split("\0")[:-1]
    made = re.compile(
        r"^(\.venv|\.git|\.triton|\.tools|\.nginx|\.\w+_cache|\.hypothesis|runs|var|model_repository/[^/]+/1)/|__pycache__|egg-info"
    )
    names = (str(file.relative_to(ROOT)) for file in ROOT.rglob("*") if file.is_file())
    return [name for name in names if not made.search(name)]


TRACKED = tracked()
FILES = [ROOT / name for name in TRACKED if (ROOT / name).is_file()]
TEXTS = [file for file in FILES if b"\0" not in file.read_bytes()[:8192]]
DOCUMENTS = [file for file in TEXTS if file.suffix == ".md"]


def pins() -> dict[str, str]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line), f"not a plain pin: {line}"
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


EXTRAS = PROJECT["optional-dependencies"]


def requirements(extras: Iterable[str] = EXTRAS) -> list[Requirement]:
    return [
        Requirement(text) for text in PROJECT["dependencies"] + [text for extra in extras for text in EXTRAS[extra]]
    ]


def installed_extras() -> list[str]:
    """What `make setup` installs; the others are for users who ask for them."""
    found = re.search(r"'\.\[([\w,]+)\]'", (ROOT / "deploy" / "setup.sh").read_text())
    assert found is not None
    return found[1].split(",")


def test_every_requirement_is_pinned_within_its_bounds() -> None:
    pinned = pins()
    for requirement in requirements():
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} and the pin {version}"


def test_the_environment_is_what_is_pinned() -> None:
    """Every package that is set up, for the project or for another one, is pinned, in the version that is installed."""
    installed = {canonicalize_name(one.name): one for one in distributions()}
    pinned, seen = pins(), set()
    wanted = requirements(installed_extras())
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen or (name.startswith(("nvidia-", "cuda-", "triton")) and name not in pinned):
            continue  # what torch's CUDA build brings along, it pins itself
        seen.add(key)
        assert installed[name].version.partition("+")[0] == pinned.get(name), f"{name} is not the pinned one"
        for text in installed[name].requires or []:
            further = Requirement(text)
            extras = ["", *requirement.extras]
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in extras):
                wanted.append(further)


def brought_along(extra: str) -> set[str]:
    """Every package that an extra installs, with those that the packages need themselves."""
    installed = {canonicalize_name(one.name): one for one in distributions()}
    wanted, found = [Requirement(text) for text in EXTRAS[extra]], set[str]()
    while wanted:
        name = canonicalize_name(wanted.pop().name)
        if name not in found:
            found.add(name)
            needed = map(Requirement, installed[name].requires or [])
            wanted += [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


WITH_ITS_EXTRA_ALONE = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"{name} is not of the extra", name=name)
sys.meta_path.insert(0, Absent())
from io import BytesIO
from PIL import Image
from service.client import AsyncClient, Client
from service.client.pictures import opener
from service.client.__main__ import main
assert opener(Image.new("RGB", (4, 4)))().read().startswith(b"\\x89PNG")
Client().close()
sys.argv = ["inpaint", "--version"]
main()
"""


def started_with(extra: str) -> subprocess.CompletedProcess[str]:
    """The client and then its command, where no package but the extra's can be imported."""
    alone = brought_along(extra)
    modules = packages_distributions()
    absent = {name for name, owners in modules.items() if not alone & {canonicalize_name(owner) for owner in owners}}
    code = f"absent = {sorted(absent - {'service', 'training'})!r}{WITH_ITS_EXTRA_ALONE}"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_the_client_installs_alone() -> None:
    """httpx and Pillow are all that the client loads; its command then says what it lacks, and nothing else breaks."""
    assert [Requirement(text).name for text in EXTRAS["client"]] == ["httpx", "pillow"]
    fresh = started_with("client")
    assert fresh.returncode == 1
    assert fresh.stderr == "inpaint: typer is not installed: pip install 'face-inpainting[command]'\n"


def test_the_command_installs_with_the_client_alone() -> None:
    assert not brought_along("command") & {"fastapi", "pydantic", "numpy", "opencv-python-headless", "redis", "torch"}
    fresh = started_with("command")
    assert (fresh.returncode, fresh.stderr) == (0, "")
    assert fresh.stdout.startswith("inpaint ")


def test_the_api_loads_no_torch() -> None:
    code = (
        "import sys, service.app, service.__main__\n"
        "heavy = {'torch', 'lightning', 'torchmetrics', 'safetensors', 'training'}\n"
        "sys.exit(' '.join(sorted(heavy & {name.partition('.')[0] for name in sys.modules})) or 0)"
    )
    fresh = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (fresh.returncode, fresh.stderr) == (0, "")


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.M)
    assert phony is not None
    targets = re.findall(r"^([a-z-]+):(?!=)", makefile, re.M)
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert phony[1].split() == targets
    assert re.findall(r"^  make ([a-z-]+) ", shown, re.M) == targets


def test_what_the_procfile_starts_exists() -> None:
    commands = re.findall(r"^(\w+): exec (?:env (?:\w+=\d+ )+)?python -m (\S+)", (ROOT / "Procfile").read_text(), re.M)
    assert [name for name, _ in commands] == ["redis", "engine", "worker", "webhooks", "api"]
    for _, module in commands:
        spec = importlib.util.find_spec(module)
        assert spec is not None
        assert not spec.submodule_search_locations or importlib.util.find_spec(f"{module}.__main__") is not None


def test_the_example_environment_names_real_settings() -> None:
    known = {name.upper() for name in Settings.model_fields} | {"ENGINE_PORT", "REDIS_PORT", "REDIS_FOLDER"}
    named = re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M)
    assert named
    assert set(named) <= known


def test_a_paper_has_one_name_in_three_places() -> None:
    rooms = {folder.parent.name for folder in (ROOT / "training" / "papers").glob("*/serving.py")}
    pipelines = {file.stem for file in (ROOT / "service" / "completion" / "pipelines").glob("*.py")} - {
        "__init__",
        "protocol",
    }
    models = {config.parent.name for config in (ROOT / "model_repository").glob("*/config.pbtxt")}
    without_pipeline = {"finder", "parser"}  # they complete nothing
    assert rooms - without_pipeline == pipelines == set(PIPELINES)
    assert without_pipeline <= rooms
    for room in rooms:
        assert any(name == room or name.startswith(f"{room}_") for name in models), f"no deployed model of {room}"
    assert {name.partition("_")[0] for name in models} <= rooms


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_and_commands_of_the_documents_exist(document: Path) -> None:
    text = document.read_text()
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in link:
            assert (document.parent / link).exists(), link
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= targets
    for module in re.findall(r"python -m ((?:service|training|deploy|tests)[\w.]*)", text):
        assert importlib.util.find_spec(module) is not None, module


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(?<![\w.])/(?:root|home|farm|Users|work)/", "a path of somebody's machine"),
        (r"https?://(?:download\.pytorch\.org|pypi\.|[\w.]*/simple\b)", "a package registry"),
        (r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b|NotImplemented" r"Error", "something unfinished"),
        (r"mark\.(?:skip|xf" r"ail)|pytest\.sk" r"ip|importor" r"skip", "a test switched off"),
    ],
)
def test_no_text_holds(pattern: str, reason: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in TEXTS
        if file.name not in ("LICENSE", "test_house.py")
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), start=1)
        if re.search(pattern, line)
    ]
    assert found == [], reason


def test_ignored_checks_say_why() -> None:
    """`# type: ignore[...]` and `# noqa: ...` are followed by a reason; lines in a row share the first one's."""
    ignored = re.compile(r"#\s*(?:type: ignore|noqa)\b(?P<why>(?:\[[\w-]+\]|: [A-Z]+\d+)\s+[#(]\s*\w)?")
    found = []
    for file in TEXTS:
        if file.suffix != ".py" or file.name == "test_house.py":
            continue
        reasoned = False
        for number, line in enumerate(file.read_text().splitlines(), start=1):
            match = ignored.search(line)
            reasoned = match is not None and (reasoned or match["why"] is not None)
            if match is not None and not reasoned:
                found.append(f"{file.relative_to(ROOT)}:{number}")
    assert found == []


def test_no_module_without_a_subject() -> None:
    vague = {"utils", "helpers", "misc", "common", "util", "helper"}
    assert [name for name in TRACKED if vague & {Path(name).stem, *Path(name).parts[:-1]}] == []


def test_no_two_files_of_the_service_share_a_name_by_chance() -> None:
    """A name means one thing. These mirror each other: the route and its use case, the form and who sends it, ..."""
    mirrored = {"__init__", "__main__", "background", "errors", "forms", "guidance", "idempotency", "inpaint", "jobs"}
    names = Counter(Path(name).stem for name in TRACKED if name.startswith("service/") and name.endswith(".py"))
    assert {name for name, count in names.items() if count > 1} == mirrored


def test_no_modules_of_the_service_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("service", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    while leaves := {module for module, imported in imports.items() if not imported & imports.keys()}:
        imports = {module: imported for module, imported in imports.items() if module not in leaves}
    assert sorted(imports) == []


def test_a_clone_stays_small() -> None:
    sizes = {file: file.stat().st_size for file in FILES}
    assert max(sizes.values()) < 25e6
    assert sum(sizes.values()) < 120e6
