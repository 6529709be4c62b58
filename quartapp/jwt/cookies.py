"""Tokens in cookies: one that scripts cannot read, and beside it the value they send back."""

from __future__ import annotations

from typing import Any, NamedTuple

from werkzeug.sansio.response import Response

from quartapp.jwt.bearer import no_store
from quartapp.jwt.jwt_manager import JWTManager, installed
from quartapp.jwt.options import Options
from quartapp.jwt.threads import from_threads
from quartapp.jwt.tokens import get_csrf_token

_Manager = JWTManager | str | None


@from_threads
async def set_access_cookies(
    response: Response,
    encoded_access_token: str,
    max_age: int | None = None,
    domain: str | None = None,
    *,
    manager: _Manager = None,
) -> None:
    """Put an access token into a cookie of this response, and its CSRF value into another.

    `max_age` in seconds; None for what JWT_SESSION_COOKIE says. Raises what decode_token
    raises: the CSRF value is read from the verified token.
    """
    options = installed(manager).options
    await _set(response, _access(options), encoded_access_token, max_age, domain, manager)


@from_threads
async def set_refresh_cookies(
    response: Response,
    encoded_refresh_token: str,
    max_age: int | None = None,
    domain: str | None = None,
    *,
    manager: _Manager = None,
) -> None:
    """Put a refresh token into a cookie of this response; see set_access_cookies."""
    options = installed(manager).options
    await _set(response, _refresh(options), encoded_refresh_token, max_age, domain, manager)


def unset_jwt_cookies(
    response: Response, domain: str | None = None, *, manager: _Manager = None
) -> None:
    """End the cookies of both tokens with this response."""
    unset_access_cookies(response, domain, manager=manager)
    unset_refresh_cookies(response, domain, manager=manager)


def unset_access_cookies(
    response: Response, domain: str | None = None, *, manager: _Manager = None
) -> None:
    """End the cookies of the access token with this response."""
    options = installed(manager).options
    for cookie in _access(options):
        _write(response, options, cookie, "", domain, expires=0)


def unset_refresh_cookies(
    response: Response, domain: str | None = None, *, manager: _Manager = None
) -> None:
    """End the cookies of the refresh token with this response."""
    options = installed(manager).options
    for cookie in _refresh(options):
        _write(response, options, cookie, "", domain, expires=0)


class _Cookie(NamedTuple):
    name: str
    path: str
    httponly: bool


def _access(options: Options) -> list[_Cookie]:
    cookies = [_Cookie(options.access_cookie_name, options.access_cookie_path, True)]
    if options.cookie_csrf_protect and options.csrf_in_cookies:
        name, path = options.access_csrf_cookie_name, options.access_csrf_cookie_path
        cookies.append(_Cookie(name, path, False))
    return cookies


def _refresh(options: Options) -> list[_Cookie]:
    cookies = [_Cookie(options.refresh_cookie_name, options.refresh_cookie_path, True)]
    if options.cookie_csrf_protect and options.csrf_in_cookies:
        name, path = options.refresh_csrf_cookie_name, options.refresh_csrf_cookie_path
        cookies.append(_Cookie(name, path, False))
    return cookies


async def _set(
    response: Response,
    cookies: list[_Cookie],
    token: str,
    max_age: int | None,
    domain: str | None,
    manager: _Manager,
) -> None:
    options = installed(manager).options
    # Read before the first cookie is written: an invalid token leaves no half a pair.
    values = [token]
    if len(cookies) > 1:
        values.append(await get_csrf_token(token, manager=manager))
    lifetime = max_age or options.cookie_max_age
    if options.is_strict:
        no_store(response)
    for cookie, value in zip(cookies, values, strict=True):
        _write(response, options, cookie, value, domain, max_age=lifetime)


def _write(
    response: Response,
    options: Options,
    cookie: _Cookie,
    value: str,
    domain: str | None,
    **lifetime: Any,
) -> None:
    if options.is_strict:
        _check_prefix(cookie, domain or options.cookie_domain, options.cookie_secure)
    response.set_cookie(
        cookie.name,
        value,
        path=cookie.path,
        httponly=cookie.httponly,
        domain=domain or options.cookie_domain,
        secure=options.cookie_secure,
        samesite=options.cookie_samesite,
        **lifetime,
    )


def _check_prefix(cookie: _Cookie, domain: str | None, secure: bool) -> None:
    """Raise RuntimeError for a cookie that every browser throws away (RFC 6265bis 4.1.3)."""
    whole_host = not domain and cookie.path == "/"
    if (cookie.name.startswith("__Host-") and not (secure and whole_host)) or (
        cookie.name.startswith("__Secure-") and not secure
    ):
        raise RuntimeError(
            f"Browsers take the cookie {cookie.name} only with Secure, and a __Host- one only "
            "with the path / and no domain"
        )
