"""Many connections, of clients that say nothing, drip, do not read or leave: others are served."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import click
import pytest

from quartapp.serve.descriptors import fitted
from quartapp.settings import load_settings
from tests.serve.processes import Server, eventually, started

CAP = 12
FIRST_REQUEST = 0.6  # seconds, as tests.serve.hasty has it
HEAD = b"GET /pid HTTP/1.1\r\nHost: here\r\n"
WHOLE = HEAD + b"\r\n"


@contextmanager
def hasty(instance: Path, connections: int, **env: str) -> Iterator[Server]:
    with started(
        "-m", "tests.serve.hasty", instance=instance, CONNECTIONS=str(connections), **env
    ) as server:
        yield server.until_ready()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with room for CAP connections, and little patience."""
    with hasty(tmp_path_factory.mktemp("instance"), CAP) as made:
        yield made


@contextmanager
def clients(server: Server, count: int, said: bytes = b"") -> Iterator[list[socket.socket]]:
    """So many connections, on each of which something was said."""
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            stack.enter_context(client)
            client.sendall(said)
            opened.append(client)
        yield opened


def inside(server: Server) -> dict[str, int]:
    """The tasks and files of the server, while it answers this."""
    found: dict[str, int] = json.loads(server.get("/inside")[1])
    return found


def until_as_before(server: Server, before: dict[str, int]) -> None:
    """Wait until there is no more than before, but for a request that has just ended."""
    eventually(lambda: not {name for name, n in inside(server).items() if n > before[name] + 2})


def is_closed(client: socket.socket) -> bool:
    """Wait for its end, whatever comes before."""
    try:
        while client.recv(2**16):
            pass
    except ConnectionError:
        pass
    return True


def test_who_says_nothing_or_half_of_it_is_closed_in_time_and_others_are_served(
    server: Server,
) -> None:
    before = inside(server)
    with ExitStack() as stack:
        silent = [
            client
            for said in (b"", b"GET /p", HEAD)
            for client in stack.enter_context(clients(server, CAP // 4, said))
        ]
        began = time.monotonic()
        assert server.get("/pid")[0] == 200
        assert all(is_closed(client) for client in silent)
        assert time.monotonic() - began < FIRST_REQUEST + 2.0
    until_as_before(server, before)


def test_who_drips_a_head_is_closed_in_time(server: Server) -> None:
    with clients(server, 1, HEAD) as [dripping]:
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() < began + 10:
                dripping.sendall(b"X-A: b\r\n")
                time.sleep(0.05)
        assert time.monotonic() - began < FIRST_REQUEST + 2.0


def test_a_connection_that_was_of_use_is_kept(server: Server) -> None:
    with clients(server, 1) as [client]:
        for _ in range(2):
            client.sendall(b"HEAD /pid HTTP/1.1\r\nHost: here\r\n\r\n")
            assert client.recv(2**16).startswith(b"HTTP/1.1 200")
            time.sleep(FIRST_REQUEST)


def test_a_connection_is_closed_when_it_was_idle_for_so_long_and_not_while_it_is_at_work(
    tmp_path: Path,
) -> None:
    idle = 0.5
    with hasty(tmp_path, CAP, IDLE=str(idle)) as server, clients(server, 2) as [client, other]:
        other.sendall(f"GET /sleep/{3 * idle} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        client.sendall(WHOLE)
        assert client.recv(2**16).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        assert is_closed(client)
        assert idle * 0.9 < time.monotonic() - began < idle + 2.0
        assert other.recv(2**16).startswith(b"HTTP/1.1 200")
        assert is_closed(other)
        assert time.monotonic() - began < 4 * idle + 2.0


@pytest.mark.parametrize(
    "said",
    [b"", b"GET /p", HEAD, WHOLE, b"GET /sleep/5.0 HTTP/1.1\r\nHost: here\r\n\r\n"],
    ids=["connected", "half a head", "more", "answered", "waiting"],
)
def test_of_clients_that_hang_up_nothing_is_left(said: bytes, server: Server) -> None:
    before = inside(server)
    with clients(server, CAP - 2, said) as leaving:
        if said == WHOLE:
            assert all(client.recv(2**16) for client in leaving)
    until_as_before(server, before)


def test_of_clients_that_read_nothing_and_break_off_nothing_is_left(server: Server) -> None:
    before = inside(server)
    for asked in range(60, 180, 2):  # one of them breaks off when its last answer is stuck
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.connect(("127.0.0.1", server.port))
            for _ in range(asked):  # each one when the one before is answered
                client.sendall(b"GET /short HTTP/1.1\r\nHost: here\r\n\r\n")
                time.sleep(0.001)
    until_as_before(server, before)
    assert server.errors == ""


def test_of_a_client_that_leaves_while_more_is_asked_nothing_is_left(server: Server) -> None:
    before = inside(server)
    said = b"GET /endless HTTP/1.1\r\nHost: here\r\n\r\n" + WHOLE
    with clients(server, CAP - 2, said) as leaving:
        for client in leaving:
            client.recv(2**16)
    until_as_before(server, before)


@pytest.mark.parametrize("stays", [True, False], ids=["stays", "leaves"])
def test_of_a_body_in_crumbs_that_nobody_takes_nothing_is_left(stays: bool, server: Server) -> None:
    before = inside(server)
    head = b"GET /livez HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    with clients(server, CAP - 2, head + 12 * b"1\r\nx\r\n") as crumbling:
        for client in crumbling if stays else ():
            assert is_closed(client)
    until_as_before(server, before)


def test_who_has_said_all_and_does_not_read_is_in_no_stop_s_way(tmp_path: Path) -> None:
    with hasty(tmp_path, CAP) as server:
        with clients(server, 4, b"GET /endless HTTP/1.1\r\nHost: here\r\n\r\n") as deaf:
            for client in deaf:
                client.recv(2**16)
                client.shutdown(socket.SHUT_WR)
            eventually(lambda: server.out.count("over\n") == len(deaf))
            assert server.stop()[0] == 0
        assert server.errors == ""


def test_of_connections_that_close_with_their_answer_nothing_is_left(server: Server) -> None:
    before = inside(server)
    for _ in range(5):
        with clients(server, 1, HEAD + b"Connection: close\r\n\r\n") as (client,):
            assert is_closed(client)
    until_as_before(server, before)


def test_who_does_not_read_is_left_and_holds_no_memory(server: Server) -> None:
    before, resident, over = inside(server), memory(server), server.out.count("over\n")
    with clients(server, 4, b"GET /endless HTTP/1.1\r\nHost: here\r\n\r\n") as deaf:
        eventually(lambda: server.out.count("over\n") == over + len(deaf))
    assert memory(server) < resident + 16 * 2**20
    until_as_before(server, before)


def test_who_does_not_read_the_last_of_an_answer_is_left(server: Server) -> None:
    before = inside(server)
    with clients(server, 4, b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n"):
        until_as_before(server, before)


def test_who_reads_slowly_gets_it_all(server: Server) -> None:
    with clients(server, 1, b"GET /patient HTTP/1.0\r\nHost: here\r\n\r\n") as [client]:
        size = 0
        while data := client.recv(2**14):
            size += len(data)
            time.sleep(0.01)
        assert size > 15 * 2**16


def test_where_all_connections_are_open_the_silent_make_room_and_the_busy_do_not(
    server: Server,
) -> None:
    busy_count = CAP // 2
    waiting = b"GET /sleep/0.8 HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    with clients(server, busy_count, waiting) as busy, clients(server, CAP - busy_count) as silent:
        assert server.get("/pid")[0] == 200
        assert is_closed(silent[0])
        for client in busy:
            client_said = client.makefile("rb").read()
            assert client_said.endswith(b"whole " * 1000)


def test_where_all_are_busy_the_next_one_waits_for_its_turn(server: Server) -> None:
    waiting = b"GET /sleep/0.5 HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    with clients(server, CAP, waiting) as busy:
        time.sleep(0.2)
        assert server.get("/pid")[0] == 200
        assert all(client.makefile("rb").read().endswith(b"whole ") for client in busy)
    assert server.errors == ""


def test_there_are_no_more_connections_than_half_of_the_files_that_may_be_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = load_settings(_env_file=None, max_in_flight=300, max_connections=400)
    for most, connections, requests in [
        (10_000, 400, 300),
        (1024, 400, 300),
        (512, 256, 192),
        (10, 128, 64),
        (resource.RLIM_INFINITY, 400, 300),
    ]:
        raised: list[tuple[int, int]] = []
        monkeypatch.setattr(resource, "getrlimit", lambda _, most=most: (most, most))
        monkeypatch.setattr(resource, "setrlimit", lambda _, limits, to=raised: to.append(limits))
        settings = fitted(given)
        assert (settings.max_connections, settings.max_in_flight) == (connections, requests)
        assert raised == [(most, most)]


@pytest.mark.slow
def test_a_thousand_who_sign_in_at_once_among_a_thousand_who_are_silent_are_each_answered(
    tmp_path: Path,
) -> None:
    serve = ("-m", "quartapp", "serve", "--bind", "127.0.0.1:0")
    with started(*serve, instance=tmp_path, QUARTAPP_LOGIN_MAX_WAIT="3") as server:
        server.until_ready()
        before = sockets(server)
        with clients(server, 1000), clients(server, 500, HEAD):
            answers = asyncio.run(sign_in_at_once(server.port, 1000))
        eventually(lambda: sockets(server) == before)
        assert "Traceback" not in server.errors
    told = {status: sum(answer[0] == status for answer in answers) for status in (401, 503)}
    click.echo(f"{told[401]} were looked at, {told[503]} told to come back")
    assert sum(told.values()) == 1000
    assert all(b'"busy"' in body for status, body in answers if status == 503)


async def sign_in_at_once(port: int, count: int) -> list[tuple[int, bytes]]:
    """The status and the text that each of so many clients is told."""
    form = b"username=nobody&password=wrong"
    request = b"POST /lessons/jwt/login HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
    request += b"Content-Type: application/x-www-form-urlencoded\r\n"
    request += b"Content-Length: %d\r\n\r\n%b" % (len(form), form)

    async def one() -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request)
            head, _, body = (await asyncio.wait_for(reader.read(), 60)).partition(b"\r\n\r\n")
            return int(head.split()[1]), body
        finally:
            writer.close()

    return await asyncio.gather(*(one() for _ in range(count)))


@pytest.mark.slow
def test_more_connections_than_files_may_be_open_neither_stop_it_nor_keep_it_busy(
    tmp_path: Path,
) -> None:
    few = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512)); "
        "sys.argv = ['quartapp', 'serve', '--bind', '127.0.0.1:0']; "
        "runpy.run_module('quartapp', run_name='__main__')"
    )
    with started("-c", few, instance=tmp_path) as server:
        server.until_ready()
        with clients(server, 600):
            assert [server.get("/livez")[0] for _ in range(3)] == [200] * 3
            before = processor_time(server)
            time.sleep(2)
            assert processor_time(server) - before < 1.0
            assert sockets(server) < 512 // 2 + 10
        assert "room for 256 connections, 192 requests" in server.errors
        assert len(server.err) == 1


def sockets(server: Server) -> int:
    """How many the server has open."""
    count = 0
    for descriptor in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            count += str(descriptor.readlink()).startswith("socket:")
    return count


def processor_time(server: Server) -> float:
    """Seconds."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(server: Server) -> int:
    """The resident memory of the server, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024
