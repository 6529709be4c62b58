"""JSON Web Tokens for Quart: the names and answers of Flask-JWT-Extended, asynchronous.

Stands on PyJWT, cryptography and Quart alone. Whoever moves a program over changes the
import and awaits eight names: verify_jwt_in_request, create_access_token,
create_refresh_token, decode_token, get_jti, get_csrf_token, set_access_cookies and
set_refresh_cookies. A `def` view, which Quart runs in a thread, calls them without that.
"""

from __future__ import annotations

from quartapp.jwt import exceptions
from quartapp.jwt.bearer import no_store, token_response
from quartapp.jwt.cookies import (
    set_access_cookies,
    set_refresh_cookies,
    unset_access_cookies,
    unset_jwt_cookies,
    unset_refresh_cookies,
)
from quartapp.jwt.current import (
    current_user,
    get_current_user,
    get_jwt,
    get_jwt_header,
    get_jwt_identity,
    get_jwt_request_location,
)
from quartapp.jwt.exceptions import JWTDecodeError
from quartapp.jwt.jwt_manager import JWTManager
from quartapp.jwt.key_file import KeyFile, KeyFileError
from quartapp.jwt.keys import Key, KeyRing, KeySource
from quartapp.jwt.proofs import dpop_claims
from quartapp.jwt.remote_keys import KeysUnavailableError, RemoteKeys, https_fetch
from quartapp.jwt.scopes import check_scopes, get_scopes, requires_scopes, scope_claim
from quartapp.jwt.session_store import MemorySessionStore, Session, SessionStore
from quartapp.jwt.session_tokens import SessionTokens
from quartapp.jwt.sessions import (
    list_sessions,
    revoke_all_sessions,
    revoke_session,
    revoke_token,
    rotate_session,
    start_session,
)
from quartapp.jwt.tokens import (
    create_access_token,
    create_refresh_token,
    decode_token,
    get_csrf_token,
    get_jti,
    get_unverified_jwt_headers,
)
from quartapp.jwt.view_decorators import jwt_required, verify_jwt_in_request

__all__ = [
    "JWTDecodeError",
    "JWTManager",
    "Key",
    "KeyFile",
    "KeyFileError",
    "KeyRing",
    "KeySource",
    "KeysUnavailableError",
    "MemorySessionStore",
    "RemoteKeys",
    "Session",
    "SessionStore",
    "SessionTokens",
    "check_scopes",
    "create_access_token",
    "create_refresh_token",
    "current_user",
    "decode_token",
    "dpop_claims",
    "exceptions",
    "get_csrf_token",
    "get_current_user",
    "get_jti",
    "get_jwt",
    "get_jwt_header",
    "get_jwt_identity",
    "get_jwt_request_location",
    "get_scopes",
    "get_unverified_jwt_headers",
    "https_fetch",
    "jwt_required",
    "list_sessions",
    "no_store",
    "requires_scopes",
    "revoke_all_sessions",
    "revoke_session",
    "revoke_token",
    "rotate_session",
    "scope_claim",
    "set_access_cookies",
    "set_refresh_cookies",
    "start_session",
    "token_response",
    "unset_access_cookies",
    "unset_jwt_cookies",
    "unset_refresh_cookies",
    "verify_jwt_in_request",
]
