"""Echelon's top-ups: like payins, with two sides. The customer pays in one currency, the merchant gets another (or the same).

The channels are the payins' of the customer's currency; the books see what the merchant gets. A token may say where that goes on to.
"""

from msgspec.structs import replace

from paymux.dialects.echelon import answers
from paymux.dialects.echelon.desk import Entered, answer, broken, error, money_allowed, refused
from paymux.dialects.echelon.errors import BusinessError
from paymux.dialects.echelon.payins import Payins
from paymux.dialects.echelon.topup_wire import Rates, customers_side, topup_options_wish, topup_wish
from paymux.http.serve import Request, Response
from paymux.payments.model import Payment


class TopUps:
    """The verbs behind the endpoints. `rates`: by which the other side is computed when a top-up is accepted."""

    def __init__(self, payins: Payins, rates: Rates, sandbox: bool) -> None:
        self._payins, self._rates, self._sandbox = payins, rates, sandbox

    async def options(self, request: Request, entered: Entered) -> Response:
        asked = topup_options_wish(request.body, self._rates)
        if wrong := asked.broken_rules(entered.merchant.profile.currencies):
            return broken(wrong)
        found = await self._payins.available(entered.merchant, customers_side(asked))
        return broken([found]) if isinstance(found, BusinessError) else answer(200, {**answers.sides(asked), **found})

    async def create(self, request: Request, entered: Entered) -> Response:
        asked, wish = topup_wish(request.body, self._rates)
        if not money_allowed(entered.claims, asked.fixed):
            return error(403, "The auth token is for another amount or currency")
        asked = replace(asked, settlement=entered.claims.settlement)
        done = await self._payins.open(entered.merchant, request.params["id_top_up"], wish, request.headers, asked)
        if isinstance(done, Payment):
            return answer(201, answers.created(done, request.base_url))
        return broken(done) if isinstance(done, list) else refused(done)

    async def read(self, request: Request, entered: Entered) -> Response:
        payment = await self._payins.find(entered.merchant, request.params["id_top_up"], topup=True)
        if payment is None:
            return error(410)
        return answer(200, answers.read(payment, request.base_url, entered.now, self._sandbox))
