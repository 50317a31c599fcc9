"""Who answers at `/`: the first page whose link it is, and with a page, too, where it cannot answer."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from paymux.checkout import words
from paymux.checkout.failed import failed
from paymux.http.serve import Failure, Handler, Request, Response


class FrontPage(Protocol):
    """A page that lies at `/` where the link says so."""

    def owns(self, request: Request) -> bool:
        """Whether a request is for this page."""
        ...

    async def show(self, request: Request) -> Response:
        """A GET."""
        ...

    async def act(self, request: Request) -> Response:
        """A POST."""
        ...


def front(pages: Sequence[FrontPage], failure: Failure) -> Handler:
    """The handler of `/`; a link of nobody's is a 404."""

    async def handle(request: Request) -> Response:
        page = next((one for one in pages if one.owns(request)), None)
        if page is None:
            return failure(request, 404, {})
        return await (page.show(request) if request.method == "GET" else page.act(request))

    return handle


def failing(pages: Sequence[FrontPage], failure: Failure, sandbox: bool) -> Failure:
    """What a buyer is told where a page cannot be shown now; everybody else is told by `failure`."""

    def tell(request: Request, status: int, headers: Mapping[str, str]) -> Response:
        if status < 500 or not any(one.owns(request) for one in pages):
            return failure(request, status, headers)
        language = words.choose_language(request.query.get("lang"), request.header("accept-language"))
        return failed(request, status, headers, language, sandbox)

    return tell
