"""Two processes in one folder: the second is told who has it, and a killed one locks nobody out."""

import errno
import fcntl
import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from training.locks import LockedError, locked

FORKED = multiprocessing.get_context("fork")


class Holder:
    """A process that holds the lock until it is told to `release` it."""

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        self.pipe, theirs = FORKED.Pipe()
        self.process = FORKED.Process(target=self.hold, args=(path, wait, theirs))
        self.process.start()
        self.pid = self.process.pid

    @staticmethod
    def hold(path: Path, wait: bool, pipe: Connection) -> None:
        with locked(path, wait=wait):
            pipe.send("held")
            pipe.recv()

    def until_held(self) -> "Holder":
        assert self.pipe.recv() == "held"
        return self

    def release(self) -> None:
        self.pipe.send("enough")
        self.process.join()


def test_a_second_process_is_told_who_has_the_folder(tmp_path: Path) -> None:
    holder = Holder(tmp_path / ".lock").until_held()
    said = f"{tmp_path} is in use by process {holder.pid} on"
    with pytest.raises(LockedError, match=said), locked(tmp_path / ".lock"):
        pass
    holder.release()
    with locked(tmp_path / ".lock"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_locks_nobody_out(tmp_path: Path) -> None:
    holder = Holder(tmp_path / ".lock").until_held()
    holder.process.kill()
    holder.process.join()
    assert f"process {holder.pid} on" in (tmp_path / ".lock").read_text()
    with locked(tmp_path / ".lock"):
        assert f"process {os.getpid()} on" in (tmp_path / ".lock").read_text()


def test_who_waits_gets_it_after_the_holder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The holder removes the file, so the one that waited must not be content with the removed one."""
    holder = Holder(tmp_path / ".lock").until_held()
    waiting = Holder(tmp_path / ".lock", wait=True)
    said = ""
    while f"waiting for process {holder.pid} on" not in said:
        said += capfd.readouterr().out
        time.sleep(0.01)
    assert not waiting.pipe.poll()
    holder.release()
    waiting.until_held()
    with pytest.raises(LockedError, match=f"process {waiting.pid} "), locked(tmp_path / ".lock"):
        pass
    waiting.release()


def test_a_file_system_without_locks_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    with locked(tmp_path / ".lock"):
        assert "without locks" in capsys.readouterr().out
