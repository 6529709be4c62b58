"""Who is signed in by a cookie, looked up where somebody asks, and not once more at the end."""

from __future__ import annotations

from quart import Response, g
from quart_auth import QuartAuth


class CookieAuth(QuartAuth):
    """quart-auth, which by itself reads the cookie of every request once it is answered."""

    async def after_request(self, response: Response) -> Response:
        """Set or take away the cookie, if somebody has signed in or out."""
        if self.attribute_name not in g:
            return response
        return await super().after_request(response)
