"""What protects the studio's own routes: same-origin writes and a strict content policy.

MLflow refuses requests from foreign origins under ``/api/`` and ``/ajax-api/`` only, and a browser
sends the login along with every request, so the studio's routes need a check of their own.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, Response, request

_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def protect(server: Flask, prefix: str, script_hashes: Callable[[], list[str]]) -> None:
    """Guard every route under `prefix`.

    Args:
        server: MLflow's Flask app.
        prefix: Such as ``/studio/``.
        script_hashes: CSP sources of the inline scripts that Dash writes; asked at each page.
    """

    @server.before_request
    def refuse_foreign_origins() -> Response | None:
        if not request.path.startswith(prefix) or request.method not in _CHANGING:
            return None
        if is_same_origin(request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")):
            return None
        return Response("Requests from another site are refused.", 403, mimetype="text/plain")

    @server.after_request
    def add_headers(response: Response) -> Response:
        if request.path.startswith(prefix):
            response.headers.setdefault("X-Content-Type-Options", "nosniff")
            response.headers.setdefault("Referrer-Policy", "same-origin")
            if "Content-Security-Policy" not in response.headers:
                response.headers["Content-Security-Policy"] = content_policy(script_hashes())
        return response


def is_same_origin(origin: str | None, fetch_site: str | None) -> bool:
    """Tell whether the headers of the present request say that our own page sent it.

    A browser always says one or the other; a script without a browser says neither, and has no
    ambient login that could be abused.
    """
    if fetch_site is not None and fetch_site not in ("same-origin", "none"):
        return False
    return origin is None or urlsplit(origin).netloc == request.host


def content_policy(script_hashes: list[str]) -> str:
    """Return the policy of the studio's pages: nothing from elsewhere, no script of a stranger.

    Styles may be inline because Mantine and AG Grid write their theme into the page.
    """
    return "; ".join(
        [
            "default-src 'none'",
            " ".join(["script-src 'self'", *script_hashes]),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "frame-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        ]
    )


REPORT_POLICY = (
    # A report may draw itself with its own scripts, as a stranger: no cookies, no requests.
    "sandbox allow-scripts allow-popups allow-downloads; default-src 'none'; "
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
    "frame-ancestors 'self'"
)
