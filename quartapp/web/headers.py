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


async def protect(response: Response) -> Response:
    """Say what a browser may do with the answer."""
    if not in_a_lesson():
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
    return response


async def name_language(response: Response) -> Response:
    """Say in which language a page is, and on what that rests."""
    if response.mimetype == "text/html" and not in_a_lesson():
        response.headers["Content-Language"] = language_tag()
        response.vary.update(("Accept-Language", "Cookie"))
    return response


async def ask_for_tls(response: Response) -> Response:
    """Let browsers come by TLS alone from now on."""
    response.headers["Strict-Transport-Security"] = ONLY_BY_TLS
    return response


def install(app: Quart, *, production: bool) -> None:
    """Let every answer carry them."""
    app.after_request(protect)
    app.after_request(name_language)
    if production:
        app.after_request(ask_for_tls)
