"""What a password must be."""

from __future__ import annotations

import pytest

from quartapp.accounts.password_rule import password_rule


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "required"),
        ("1234567", "too-short"),
        ("x" * 129, "too-long"),
        ("12345678", "common"),
        ("password", "common"),
        ("PassWord", "common"),
        ("iloveyou", "common"),
        ("wang xiaoming", "user-name"),
        ("\ud800", "too-short"),
    ],
)
async def test_a_poor_password_is_refused_with_a_reason(password: str, code: str) -> None:
    refusal = await password_rule(password, username="Wang Xiaoming")
    assert refusal is not None
    assert refusal.code == code


@pytest.mark.parametrize(
    "password", ["correct horse", "x" * 128, "密码一二三四五六", "        ", "\ud800" * 8, "\0" * 8]
)
async def test_any_other_is_taken(password: str) -> None:
    assert await password_rule(password, username="Wang Xiaoming") is None
