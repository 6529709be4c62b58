"""deploy/nginx: the real proxy with our site, in front of a server that tells what it was sent."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import takewhile
from typing import Any

import pytest

from quartapp.settings import Settings
from tests.nginx import DEPLOY, Nginx, find_nginx, nginx
from tests.servers import missing


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers that it was sent."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece: in two the second waits for the system

    def do_GET(self) -> None:
        """Tell what came."""
        length = int(self.headers.get("Content-Length", 0))
        sent = dict(self.headers.items()) | {"body": len(self.rfile.read(length))}
        body = json.dumps(sent).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - names of the library

    def log_message(self, *_: object) -> None:
        """Write no log."""


@contextmanager
def echo() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def proxy() -> Iterator[Nginx]:
    """The site in front of a server that echoes."""
    binary = find_nginx()
    if binary is None:
        missing("nginx")
    with echo() as port, nginx(binary, [port]) as running:
        yield running


def ask(
    connection: http.client.HTTPConnection, path: str, method: str = "GET", **given: Any
) -> tuple[int, bytes]:
    connection.request(method, path, **given)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_what_a_client_claims_of_itself_is_replaced(proxy: Nginx) -> None:
    claims = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "ftp",
        "X-Request-ID": "mine",
        "Forwarded": "for=6.6.6.6",
    }
    connection = proxy.connect()
    sent = json.loads(ask(connection, "/overview", headers=claims)[1])
    connection.close()

    assert sent["X-Forwarded-For"] == "127.0.0.1"
    assert sent["X-Forwarded-Host"] == sent["Host"] == f"127.0.0.1:{proxy.port}"
    assert sent["X-Forwarded-Proto"] == "https"
    assert re.fullmatch("[0-9a-f]{32}", sent["X-Request-ID"])
    assert "Forwarded" not in sent
    assert "Connection" not in sent  # it stays open


def test_plain_requests_are_led_to_tls_with_their_method(proxy: Nginx) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.plain, timeout=30)
    connection.request("POST", "/login?next=/x", headers={"Host": "houses.example"})
    answer = connection.getresponse()
    connection.close()

    assert answer.status == 308
    assert answer.headers["Location"] == "https://houses.example/login?next=/x"


def test_what_is_for_operators_stays_inside(proxy: Nginx) -> None:
    connection = proxy.connect()
    statuses = {p: ask(connection, p)[0] for p in ("/metrics", "/readyz", "/livez", "/api/v1/me")}
    connection.close()

    assert statuses == {"/metrics": 403, "/readyz": 403, "/livez": 200, "/api/v1/me": 200}


def test_a_body_that_the_application_refuses_gets_to_it_and_a_larger_one_does_not(
    proxy: Nginx,
) -> None:
    most = Settings.model_fields["max_upload_bytes"].default
    connection = proxy.connect()
    status, answer = ask(connection, "/houses/import", "POST", body=bytes(most + 1))
    connection.close()
    assert (status, json.loads(answer)["body"]) == (200, most + 1)

    connection = proxy.connect()
    connection.putrequest("POST", "/houses/import")
    connection.putheader("Content-Length", str(2 * most))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_flood_of_sign_ins_is_stopped_and_nothing_else(proxy: Nginx) -> None:
    connection = proxy.connect()
    try:
        for path, burst in (("/login", 100), ("/api/v1/auth/sign-in", 0)):
            tries = (ask(connection, path, "POST", body=b"x")[0] for _ in range(2000))
            passed = sum(1 for _ in takewhile(lambda status: status == 200, tries))
            assert burst <= passed < 2000
            assert ask(connection, path)[0] == 200
    finally:
        connection.close()


def test_the_log_has_the_id_and_no_query(proxy: Nginx) -> None:
    connection = proxy.connect()
    cookie = {"Cookie": "quartapp_session=geheim"}
    answer = ask(connection, "/houses?q=geheim", headers=cookie)[1]
    connection.close()

    told = proxy.logged(json.loads(answer)["X-Request-ID"])
    assert (told["path"], told["status"], told["client"]) == ("/houses", 200, "127.0.0.1")
    assert "geheim" not in proxy.access_log


def test_the_upstream_of_compose_is_the_same_but_for_the_address() -> None:
    def block(name: str) -> str:
        lines = (DEPLOY / name).read_text().splitlines()
        return "\n".join(line for line in lines if not line.strip().startswith("#"))

    own = block("upstream.conf").replace("server 127.0.0.1:8000", "server app:8000")
    assert block("upstream-compose.conf") == own
