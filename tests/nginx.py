"""nginx with the site of deploy/nginx in front of servers of a test, over TLS."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.certificate import certify
from tests.servers import SBIN, START_TIMEOUT, free_port

DEPLOY = Path(__file__).parents[1] / "deploy" / "nginx"

# Around the site: what a system's own nginx.conf has.
MAIN = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/upstream.conf;
    include {folder}/quartapp.conf;
}}
"""


@dataclass
class Nginx:
    """The proxy: `port` speaks TLS, `plain` leads there."""

    folder: Path
    port: int
    plain: int

    def connect(self) -> http.client.HTTPSConnection:
        """A connection that trusts its certificate alone; whoever asked closes it."""
        context = ssl.create_default_context(cafile=self.folder / "fullchain.pem")
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)

    def logged(self, name: str) -> dict[str, Any]:
        """The line on the request of that id, once it is written: after the answer has gone."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            for line in self.access_log.splitlines():
                if name in line:
                    return dict(json.loads(line))
            time.sleep(0.01)
        raise AssertionError(f"there is no line on {name}")

    @property
    def access_log(self) -> str:
        """All that is written so far."""
        return (self.folder / "access.log").read_text()


def find_nginx() -> str | None:
    """The server's binary, if it is installed."""
    return shutil.which("nginx", path=os.pathsep.join((os.environ.get("PATH", ""), SBIN)))


@contextmanager
def nginx(binary: str, upstreams: list[int]) -> Iterator[Nginx]:
    """A proxy in front of these ports that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="quartapp-nginx-"))
    proxy = Nginx(folder, free_port(), free_port())
    _write(proxy, upstreams)
    command = [binary, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]
    try:
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        said = checked.stderr + (folder / "error.log").read_text()
        assert checked.returncode == 0, said
        assert "[warn]" not in said, said
        process = subprocess.Popen(command)
        try:
            _until_it_answers(proxy, process)
            yield proxy
        finally:
            process.terminate()
            process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(proxy: Nginx, upstreams: list[int]) -> None:
    folder = proxy.folder
    user = "user root;" if os.geteuid() == 0 else ""  # its workers write to our folder
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, user=user))
    certify(folder)
    # Nothing else of the files is changed; a line that is no longer there fails the test.
    servers = [f"    server 127.0.0.1:{port} max_fails=3 fail_timeout=2s;" for port in upstreams]
    _adapt(
        "upstream.conf",
        folder,
        {"    server 127.0.0.1:8000 max_fails=3 fail_timeout=2s;": "\n".join(servers)},
    )
    _adapt(
        "quartapp.conf",
        folder,
        {
            "listen 80;": f"listen 127.0.0.1:{proxy.plain};",
            "    listen [::]:80;\n": "",
            "listen 443 ssl": f"listen 127.0.0.1:{proxy.port} ssl",
            "    listen [::]:443 ssl http2;\n": "",
            "/etc/nginx/tls": str(folder),
            "/var/log/nginx": str(folder),
        },
    )


def _adapt(name: str, folder: Path, changes: dict[str, str]) -> None:
    text = (DEPLOY / name).read_text()
    for old, new in changes.items():
        assert old in text, f"deploy/nginx/{name} has no {old!r}"
        text = text.replace(old, new)
    (folder / name).write_text(text)


def _until_it_answers(proxy: Nginx, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.plain, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
            return
        except OSError:
            log = (proxy.folder / "error.log").read_text()
            assert process.poll() is None, log
            assert time.monotonic() < deadline, log
            time.sleep(0.02)
        finally:
            connection.close()
