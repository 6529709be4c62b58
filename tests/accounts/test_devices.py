"""What a User-Agent says, in words."""

from __future__ import annotations

import pytest

from quartapp.accounts.devices import recognise

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            ("Firefox", "Linux"),
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36",
            ("Chrome", "Windows"),
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0",
            ("Edge", "Windows"),
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
            "Gecko) Version/18.0 Safari/605.1.15",
            ("Safari", "macOS"),
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
            "like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
            ("Chrome", "iPhone"),
        ),
        (
            f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {WEBKIT} Chrome/140.0 Mobile Safari/537.36",
            ("Chrome", "Android"),
        ),
        ("curl/8.14.1", ("curl", "")),
        ("python-httpx", ("python-httpx", "")),
        ("Firefox/1", ("Firefox", "")),
        ("something (Windows)", ("", "Windows")),
        ("", ("", "")),
        ("/", ("", "")),
        ("x" * 255, ("x" * 40, "")),
        ("手机/1.0", ("手机", "")),
    ],
)
def test_a_device_is_told_in_words(user_agent: str, device: tuple[str, str]) -> None:
    assert recognise(user_agent) == device
