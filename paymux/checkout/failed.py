"""The page of a request that cannot be answered: a link of nobody's, or a server that is busy or failed."""

from collections.abc import Mapping

from paymux import ids
from paymux.checkout import render
from paymux.checkout.links import address
from paymux.checkout.view import Screen, View
from paymux.http.serve import Request, Response


def failed(request: Request, status: int, headers: Mapping[str, str], language: str, sandbox: bool) -> Response:
    """Nothing of a payment is on it; a page that was busy is sought again where it was."""
    at, here = Screen.BUSY if status >= 500 else Screen.UNKNOWN, address(request.path, request.query)
    view = View(screen=at, language=language, nonce=ids.token(24), sandbox=sandbox, form_action=here)
    return Response(status, render.render(view), {**render.headers(view), **headers})
