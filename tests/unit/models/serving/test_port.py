from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from cwm_agent.errors import ModelUnavailable, UsageError
from cwm_agent.models.serving.port import address, check, holder


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_free_port_passes(taken: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    check("127.0.0.1", free)
    check("localhost", free)


def test_a_taken_port_says_by_what_and_which_is_free(taken: int) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        check("127.0.0.1", taken)
    assert f"Port {taken} is taken by process {os.getpid()} (" in caught.value.message
    proposed = int(caught.value.remedy.rstrip(".").rsplit(" ", 1)[1])
    assert proposed > taken
    check("127.0.0.1", proposed)
    with pytest.raises(ModelUnavailable):
        check("0.0.0.0", taken)


def test_nothing_is_told_of_a_port_that_nobody_holds() -> None:
    assert holder(1) == ""


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 0), ("127.0.0.1", 70_000), ("192.0.2.1", 9000), ("no such", 9000)]
)
def test_what_cannot_be_listened_on_is_a_wrong_usage(host: str, port: int) -> None:
    with pytest.raises(UsageError):
        check(host, port)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("box", "http://box:80"),
    ],
)
def test_where_a_server_is_reached_from_here(host: str, url: str) -> None:
    assert address(host, 80) == url
