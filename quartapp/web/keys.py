"""The public keys of the application's tokens, where others look for them."""

from __future__ import annotations

from typing import cast

from quart import Blueprint, Quart, Response, current_app, jsonify, request

from quartapp.jwt import KeyFile

bp = Blueprint("keys", __name__)

_KEY = "quartapp.keys"
# Seconds; others learn of a new key as soon as they meet its name, whatever they keep.
_MAX_AGE = 300


def use_keys(app: Quart, keys: KeyFile) -> None:
    """Give an application the keys that sign its tokens."""
    app.extensions[_KEY] = keys


def app_keys(app: Quart) -> KeyFile:
    """The keys that sign the tokens of an application."""
    return cast(KeyFile, app.extensions[_KEY])


@bp.get("/.well-known/jwks.json")
async def jwks() -> Response:
    """Give the public keys (RFC 7517 section 5); none where there is no key file."""
    response = jsonify(await app_keys(current_app).jwks())
    response.mimetype = "application/jwk-set+json"
    response.cache_control.public = True
    response.cache_control.max_age = _MAX_AGE
    await response.add_etag()
    await response.make_conditional(request)
    return response
