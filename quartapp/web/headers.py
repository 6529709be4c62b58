"""What every answer but a lesson's tells browsers: what a page may do, and in which language it is.

Files that people uploaded come with a policy of their own, which is stricter and stays.
"""

from __future__ import annotations

from quart import Quart, Response

from quartapp.web.addresses import asked, is_for_a_lesson
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
    """Let every answer carry them; in production browsers that come by TLS do so from then on."""

    @app.after_request
    async def protect(response: Response) -> Response:
        request = asked()
        if production and request.is_secure:  # elsewhere it means nothing: RFC 6797, 7.2
            response.headers["Strict-Transport-Security"] = ONLY_BY_TLS
        if is_for_a_lesson(request):
            return response
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if response.mimetype == "text/html":
            response.headers["Content-Language"] = language_tag()
            response.vary.update(("Accept-Language", "Cookie"))
        return response
