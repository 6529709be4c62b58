"""The proofs of the request at hand (RFC 9449), where tokens are issued."""

from __future__ import annotations

from quartapp.jwt.binding import DPoPWanted, confirmation
from quartapp.jwt.claims import Claims
from quartapp.jwt.dpop import DPoPPolicy, verify_proof
from quartapp.jwt.exceptions import DPoPError
from quartapp.jwt.jwt_manager import Installed, JWTManager, installed
from quartapp.jwt.state import connection
from quartapp.jwt.threads import from_threads


def require_dpop(found: Installed) -> DPoPPolicy:
    """Return what proofs a manager takes; RuntimeError if it takes none."""
    if found.manager.dpop is None:
        raise RuntimeError("Proofs need a store: call use_dpop on the JWTManager")
    return found.manager.dpop


@from_threads
async def dpop_claims(*, optional: bool = False, manager: JWTManager | str | None = None) -> Claims:
    """Return what binds a token to the key of the request's proof: {"cnf": {"jkt": ...}}.

    For the additional_claims of create_access_token and create_refresh_token. With `optional`
    {} if there is no proof. Raises InvalidDPoPProofError, which is answered with 400.
    """
    return confirmation(await proven_key(installed(manager), "optional" if optional else True))


async def proven_key(found: Installed, wanted: DPoPWanted) -> str | None:
    """Return the thumbprint of the key that the request proves to hold; None if none is wanted."""
    conn = connection()
    if not wanted or (wanted == "optional" and (conn is None or "DPoP" not in conn.headers)):
        return None
    if conn is None:
        raise RuntimeError("A proof is a request's")
    try:
        return await verify_proof(require_dpop(found), conn)
    except DPoPError as error:
        # The answer of a token endpoint (RFC 9449 section 5).
        error.status = 400
        found.take_over(error)
        raise
