"""Files of a repository change together: whenever the process is killed, the next one finds all old or all new."""

import multiprocessing
import os
import resource
import signal
from pathlib import Path

import pytest

from training.checkpoint import DiskFullError
from training.exchange import JOURNAL, Exchange, finish

TARGETS = ("a/weights", "a/1/script", "b/weights", "b/1/script")


def prepared(folder: Path) -> Exchange:
    """Every file is made anew, and none is replaced yet."""
    exchange = Exchange(folder)
    for target in TARGETS:
        exchange.prepare(folder / target, lambda beside: beside.write_text("new"))
    return exchange


def replace_and_die(folder: Path, last: int) -> None:
    """Replace the files, and be killed at the `last`-th rename of all."""
    count, rename = 0, Path.replace

    def replace(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)

    Path.replace = replace
    exchange = prepared(folder)
    exchange.carry_out()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for target in TARGETS:
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / target).write_text("old")
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    """Every file of the folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_nothing_changes_before_everything_is_prepared(folder: Path) -> None:
    exchange = prepared(folder)
    assert {name: text for name, text in contents(folder).items() if name in TARGETS} == dict.fromkeys(TARGETS, "old")
    exchange.carry_out()
    assert contents(folder) == dict.fromkeys(TARGETS, "new")


def test_what_is_given_up_leaves_nothing(folder: Path) -> None:
    exchange = Exchange(folder)
    exchange.prepare(folder / TARGETS[0], lambda beside: beside.write_text("new"))
    exchange.give_up()
    assert contents(folder) == dict.fromkeys(TARGETS, "old")


def test_a_full_disk_leaves_the_old_files(folder: Path) -> None:
    """There is room for what is prepared, and none for the journal."""
    exchange = prepared(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        with pytest.raises(DiskFullError):
            exchange.carry_out()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    exchange.give_up()
    assert contents(folder) == dict.fromkeys(TARGETS, "old")


def test_what_the_journal_speaks_of_is_not_given_up(folder: Path) -> None:
    """A folder that cannot be written for a while: the next call goes on."""
    exchange = prepared(folder)
    (folder / "b" / "1" / "script").unlink()
    (folder / "b" / "1").rmdir()
    (folder / "b" / "1").write_text("in the way")
    with pytest.raises(FileExistsError):
        exchange.carry_out()
    exchange.give_up()
    (folder / "b" / "1").unlink()
    Exchange(folder)
    assert contents(folder) == dict.fromkeys(TARGETS, "new")


def test_a_file_may_stand_in_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path)
    exchange.prepare(tmp_path / "a" / "1" / "script", lambda beside: beside.write_text("new"))
    exchange.carry_out()
    assert contents(tmp_path) == {"a/1/script": "new"}


def test_a_kill_at_any_rename_leaves_all_old_or_all_new(folder: Path) -> None:
    """Four files are prepared (1 to 4), the journal is written (5), four files are put in place (6 to 9)."""
    ends = []
    for last in range(1, 10):
        for target in TARGETS:
            (folder / target).write_text("old")
        assert killed_at(folder, last) == -signal.SIGKILL
        killed = contents(folder)
        assert (JOURNAL in killed) == (last > 5), last
        Exchange(folder)  # what the next call does first
        after = contents(folder)
        assert set(after) == set(TARGETS), last
        ends.append(set(after.values()))
    assert ends == [{"old"}] * 5 + [{"new"}] * 4
    assert killed_at(folder, 10) == 0


def killed_at(folder: Path, last: int) -> int | None:
    """Exit code of a process of its own that does it."""
    process = multiprocessing.get_context("fork").Process(target=replace_and_die, args=(folder, last))
    process.start()
    process.join()
    return process.exitcode


def test_without_a_journal_there_is_nothing_to_finish(folder: Path) -> None:
    assert not finish(folder)
    assert contents(folder) == dict.fromkeys(TARGETS, "old")
