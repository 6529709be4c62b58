"""Two servers of two workers each, on one MariaDB and one Redis, behind nginx."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.nginx import Nginx, find_nginx, nginx
from tests.serve.processes import PATIENCE, TOP, Server, eventually, started
from tests.servers import missing

pytestmark = pytest.mark.slow  # a dozen processes start

PASSWORD = "a password of some length"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
LIMIT = 4  # failed sign-ins of an account
START = 120.0  # seconds that commands and servers may take to start


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass
class Site:
    """The servers by their ports, and the proxy in front of them."""

    proxy: Nginx
    servers: list[Server]

    @property
    def ports(self) -> list[int]:
        """Where the servers themselves listen."""
        return [server.port for server in self.servers]

    def ask(
        self, port: int, path: str, method: str = "GET", body: Any = None, **headers: str
    ) -> Answer:
        """Ask one server itself; or, with the port 0, the proxy."""
        direct = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        with closing(direct if port else self.proxy.connect()) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=named)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def everywhere(self, path: str, **headers: str) -> list[int]:
        """The status that each server gives, asked often enough for each of its workers."""
        return [self.ask(port, path, **headers).status for port in self.ports for _ in range(6)]


@dataclass
class Command:
    """`quartapp ...` with the settings that both servers have."""

    env: dict[str, str] = field(default_factory=dict)

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start a command."""
        plain = {key: value for key, value in os.environ.items() if "QUART" not in key}
        return subprocess.Popen(
            [sys.executable, "-m", "quartapp", *words],
            cwd=TOP,
            env=plain | self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, stdin: str = "") -> str:
        """Run a command that must succeed; what it printed."""
        return ended(self.begin(*words), stdin)


def ended(process: subprocess.Popen[str], stdin: str = "") -> str:
    out, err = process.communicate(stdin, START)
    assert process.returncode == 0, err
    return out


@pytest.fixture(scope="module")
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Everything, started; each server has an instance path of its own, and shares two folders."""
    binary = find_nginx()
    if binary is None:
        missing("nginx")
    mysql, redis = (request.getfixturevalue(f"{name}_server") for name in ("mysql", "redis"))
    mysql.run("CREATE DATABASE two_servers")
    shared = tmp_path_factory.mktemp("shared")
    env = {
        "QUARTAPP_ENV": "production",
        "QUARTAPP_LOG_LEVEL": "info",  # where it says its address
        "QUARTAPP_DATABASE_URL": mysql.url("two_servers"),
        "QUARTAPP_REDIS_URL": redis.url,
        "QUARTAPP_SECRET_KEY": "k1-0123456789abcdefghijklmnopqrstuvwxyz",
        "QUARTAPP_JWT_SECRET_KEY": "k2-0123456789abcdefghijklmnopqrstuvwxyz",
        "QUARTAPP_JWT_KEYS_FILE": str(shared / "jwt_keys.json"),
        "QUARTAPP_TRUSTED_PROXIES": "127.0.0.1",
        "QUARTAPP_LOGIN_RATE_LIMIT": str(LIMIT),
        "QUARTAPP_PASSWORD_MEMORY_KIB": "1024",
    }
    with ExitStack() as stack:
        stack.callback(mysql.run, "DROP DATABASE two_servers")
        stack.callback(redis.ask, "FLUSHALL")
        migrate_twice_at_once(Command(env | {"QUARTAPP_INSTANCE_PATH": str(shared)}))
        servers: list[Server] = []
        for name in ("one", "two"):
            instance = instance_of_its_own(tmp_path_factory.mktemp(name), shared)
            words = ("-m", "quartapp", "serve", "--bind", "127.0.0.1:0", "--workers", "2")
            servers.append(stack.enter_context(started(*words, instance=instance, **env)))
        eventually(
            lambda: all("http://" in "".join(each.out + each.err) for each in servers), START
        )
        ports = [server.until_ready().port for server in servers]
        yield Site(stack.enter_context(nginx(binary, ports)), servers)


def migrate_twice_at_once(command: Command) -> None:
    """Both machines may do it at their start: a table made twice would be an error of one."""
    both = [command.begin("db", "upgrade") for _ in range(2)]
    said = [ended(process) for process in both]
    assert any(line.startswith("none -> ") for line in said)
    assert "as it should be" in command.run("db", "check")
    command.run("users", "create", "ann", "--password-stdin", stdin=PASSWORD)


def instance_of_its_own(instance: Path, shared: Path) -> Path:
    """A folder as another machine has it: `files` and `imports` lie where both can reach them."""
    for name in ("files", "imports"):
        (shared / name).mkdir(exist_ok=True)
        (instance / name).symlink_to(shared / name)
    return instance


def sign_in_browser(site: Site, port: int = 0) -> str:
    """The cookie of a new session."""
    form = urlencode({"username": "ann", "password": PASSWORD})
    answer = site.ask(port, "/login", "POST", form, **FORM)
    assert answer.status == 303, answer.body
    cookies = [value.partition(";")[0] for value in answer.headers.get_all("Set-Cookie", [])]
    [cookie] = [cookie for cookie in cookies if cookie.startswith("quartapp_session=")]
    return cookie


def sign_in_program(site: Site, port: int, username: str = "ann", password: str = PASSWORD) -> Any:
    """The answer of the API to a sign-in: its status, and what it says."""
    body = json.dumps({"username": username, "password": password})
    answer = site.ask(port, "/api/v1/auth/sign-in", "POST", body, **JSON)
    return answer.status, json.loads(answer.body)


def test_a_browser_signs_in_on_one_is_known_on_both_and_is_signed_out_on_both(site: Site) -> None:
    one, two = site.ports
    cookie = sign_in_browser(site, one)

    assert set(site.everywhere("/account", Cookie=cookie)) == {200}
    assert site.ask(two, "/logout", "POST", Cookie=cookie).status == 303
    assert set(site.everywhere("/account", Cookie=cookie)) == {302}


def test_a_token_of_one_is_good_on_both_and_revoked_on_both(site: Site) -> None:
    one, two = site.ports
    status, tokens = sign_in_program(site, one)
    assert status == 200
    access = {"Authorization": f"Bearer {tokens['access_token']}"}

    assert set(site.everywhere("/api/v1/me", **access)) == {200}
    refresh = {"Authorization": f"Bearer {tokens['refresh_token']}"}
    assert site.ask(two, "/api/v1/auth/revoke", "POST", **refresh).status == 204
    assert set(site.everywhere("/api/v1/me", **access)) == {401}
    jwks = {site.ask(port, "/.well-known/jwks.json").body for port in site.ports}
    assert len(jwks) == 1


def test_failed_sign_ins_are_counted_together(site: Site) -> None:
    tries = [sign_in_program(site, site.ports[n % 2], "bob", "wrong")[0] for n in range(LIMIT)]

    assert tries == [401] * LIMIT
    assert [sign_in_program(site, port, "bob", "wrong")[0] for port in site.ports] == [429, 429]
    assert sign_in_program(site, 0)[0] == 200  # somebody else's account


def test_a_file_that_one_took_in_is_given_out_by_both(site: Site) -> None:
    cookie = sign_in_browser(site)
    house = urlencode({"id": "h1", "project_no": "", "project_name": "", "project_address": ""})
    assert site.ask(0, "/houses/new", "POST", house, Cookie=cookie, **FORM).status == 303
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        b"what is in it\r\n--b--\r\n"
    )
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    _, tokens = sign_in_program(site, 0)
    access = {"Authorization": f"Bearer {tokens['access_token']}"}

    sent = site.ask(site.ports[0], "/api/v1/houses/h1/files", "POST", body, **access, **kind)

    assert sent.status in {200, 201}, sent.body
    listed = json.loads(site.ask(site.ports[1], "/api/v1/houses/h1/files", **access).body)
    [file] = listed["items"]
    path = f"/api/v1/houses/h1/files/{file['id']}/content"
    assert {site.ask(port, path, **access).body for port in (*site.ports, 0)} == {b"what is in it"}


def test_both_serve_behind_the_proxy_which_names_requests_and_clients(site: Site) -> None:
    cookie = sign_in_browser(site)
    answers = [site.ask(0, "/account", Cookie=cookie) for _ in range(20)]

    assert {answer.status for answer in answers} == {200}
    told = [site.proxy.logged(str(answer.headers["X-Request-ID"])) for answer in answers]
    assert {line["upstream"] for line in told} == {f"127.0.0.1:{port}" for port in site.ports}
    own = {"Origin": f"https://127.0.0.1:{site.proxy.port}"}
    form = urlencode({"username": "ann", "password": PASSWORD})
    assert site.ask(0, "/login", "POST", form, **own, **FORM).status == 303
    foreign = {"Origin": "https://evil.example"}
    assert site.ask(0, "/login", "POST", form, **foreign, **FORM).status == 403


def test_one_of_them_can_be_stopped_and_nobody_notices(site: Site) -> None:
    cookie = sign_in_browser(site)
    leaving = site.servers[0]

    statuses = [site.ask(0, "/account", Cookie=cookie).status for _ in range(6)]
    leaving.process.send_signal(signal.SIGTERM)
    while leaving.process.poll() is None:
        statuses.append(site.ask(0, "/account", Cookie=cookie).status)
    statuses += [site.ask(0, "/account", Cookie=cookie).status for _ in range(6)]

    assert set(statuses) == {200}
    assert len(statuses) > 12
    assert leaving.until_ended() == 0
