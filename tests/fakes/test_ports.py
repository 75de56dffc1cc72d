"""Ports are given out once, and processes of one run never share them."""

from __future__ import annotations

import socket

import pytest

from tests.fakes.ports import FIRST_PORT, LAST_PORT, MOST_PROCESSES, free_port


def test_a_port_is_given_out_once_and_nobody_listens_on_it() -> None:
    ports = [free_port() for _ in range(100)]
    assert len(set(ports)) == 100
    assert all(FIRST_PORT <= port <= LAST_PORT for port in ports)
    with socket.socket() as server:
        server.bind(("127.0.0.1", ports[-1]))


def test_processes_of_a_run_have_ports_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {}
    for process in ("gw0", "gw1", "gw7"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", process)
        places[process] = {(free_port() - FIRST_PORT) % MOST_PROCESSES for _ in range(20)}
    assert places == {"gw0": {0}, "gw1": {1}, "gw7": {7}}
