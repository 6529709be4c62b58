"""What every answer but a lesson's tells browsers: what a page may do, and in which language it is.

Files that people uploaded come with a policy of their own, which is stricter and stays.
"""

from __future__ import annotations

from quart import Quart, Response

from quartapp.web.addresses import in_a_lesson
from quartapp.web.i18n import language_tag

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
ONLY_BY_TLS = "max-age=31536000"  # a year


def install(app: Quart, *, production: bool) -> None:
    """Let every answer carry them; in production browsers come by TLS alone from then on."""

    @app.after_request
    async def protect(response: Response) -> Response:
        if production:
            response.headers["Strict-Transport-Security"] = ONLY_BY_TLS
        if in_a_lesson():
            return response
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if response.mimetype == "text/html":
            response.headers["Content-Language"] = language_tag()
            response.vary.update(("Accept-Language", "Cookie"))
        return response
