"""Everything a checkout page shows, as plain values. Pure: no HTTP, no database, no clock.

A `View` never carries the buyer's stored e-mail, the shop's meta, a wallet of ours or a provider's name, so no template
can show them: session ids can be guessed, and the page must be taken as public. Times are Unix milliseconds UTC,
amounts are `Money`, durations carry their unit. Every field but `screen` has a default.

>>> View(screen=Screen.UNKNOWN).wants_email
False
"""

from enum import StrEnum

import msgspec

from paymux.money import Money


class Screen(StrEnum):
    """What the buyer is told; one design each."""

    CHOOSE = "choose"
    WAITING = "waiting"  # handed over, or a provider reports a payment in progress
    INSTRUCTIONS = "instructions"  # the buyer sends the money by hand: bank transfer, code, chain
    PAID = "paid"
    DECLINED = "declined"  # one attempt is dead, another may be tried if `methods` are given
    EXPIRED = "expired"
    REVIEW = "review"  # a person decides
    UNCLEAR = "unclear"  # we do not know yet and keep asking
    SHORT = "short"
    SURPLUS = "surplus"
    ALREADY_PAID = "already_paid"  # opened again after success
    UNKNOWN = "unknown"  # no such payment, or a malformed link
    CANCELLED = "cancelled"  # given up by the buyer before money could move
    FAILED = "failed"  # dead for sure
    BUSY = "busy"  # we could not answer now


class Notice(StrEnum):
    """One sentence above or inside the page: what was not possible with the last step."""

    BAD_EMAIL = "bad_email"
    EMAIL_MISSING = "email_missing"
    METHOD_UNAVAILABLE = "method_unavailable"
    NO_METHOD = "no_method"
    FORM_OUTDATED = "form_outdated"  # the form's token is too old or foreign
    TRY_AGAIN = "try_again"  # the payment could not be started; nothing was charged
    TOO_FAST = "too_fast"
    CANCELLED = "cancelled"  # the attempt before ended without a payment
    BAD_INPUT = "bad_input"
    REFERENCE_KEPT = "reference_kept"
    REFERENCE_NOT_KEPT = "reference_not_kept"  # as FORM_OUTDATED, where a choice stands and a reference was typed in
    CANNOT_CHANGE = "cannot_change"  # the provider did not confirm that the attempt is dead


EMAIL_NOTICES = frozenset({Notice.BAD_EMAIL, Notice.EMAIL_MISSING})


class Decline(StrEnum):
    """Why an attempt was declined, in the buyer's words; UNKNOWN when nobody said why, or a thief must not know."""

    UNKNOWN = "unknown"
    NOT_ENOUGH = "not_enough"
    NOT_CONFIRMED = "not_confirmed"  # the step with the bank (code, app) was not completed
    BAD_DETAILS = "bad_details"
    NOT_ACCEPTED = "not_accepted"  # this card or account cannot be used here
    AMOUNT_LIMIT = "amount_limit"
    TOO_SLOW = "too_slow"


FIXABLE = frozenset({Decline.BAD_DETAILS, Decline.NOT_CONFIRMED, Decline.TOO_SLOW})  # the same method again is the right next step
NOT_REFUSED = frozenset({Decline.NOT_CONFIRMED, Decline.TOO_SLOW})  # nobody said no: it was not finished


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """One way to pay, as the buyer knows it."""

    code: str  # what the form sends as `method`
    name: str | None = None  # only for codes the catalogues do not know
    available: bool = True  # False: shown, marked, not choosable; leave a method out to hide it
    needs_email: bool = False
    highlighted: bool = False  # the shop asked for it: marked, and before the others
    declined: bool = False  # an attempt by it was declined: marked, behind the others, and still choosable
    retry: bool = False  # declined for what its buyer can mend (`FIXABLE`): marked, and before all others
    kind: str | None = None  # the catalogue's code, where the form sends another one; `name` then stands as the line below


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the buyer types in; `name` is what the form sends and the catalogue's `input.<name>`."""

    name: str
    value: str = ""
    wrong: bool = False


class Detail(StrEnum):
    """What a line of the instructions is."""

    HOLDER = "holder"
    IBAN = "iban"
    BIC = "bic"
    BANK = "bank"
    ACCOUNT = "account"
    SORT_CODE = "sort_code"
    ROUTING = "routing"
    REFERENCE = "reference"
    ADDRESS = "address"
    NETWORK = "network"
    MEMO = "memo"
    PAY_ID = "pay_id"


class Line(msgspec.Struct, frozen=True):
    """One line of the instructions; `value` is exactly what must be typed or copied."""

    label: Detail
    value: str
    copy: bool = True


class Way(StrEnum):
    """How the money is sent by hand."""

    BANK = "bank"
    CODE = "code"
    CHAIN = "chain"


class Instructions(msgspec.Struct, frozen=True, kw_only=True):
    """What the buyer has to send, and where to."""

    way: Way
    lines: tuple[Line, ...] = ()
    amount: Money | None = None  # what to send, if it is not the page's amount (49.99 EUR as BTC)
    payload: str | None = None  # drawn as a QR code, with itself as the text alternative; a wallet's URI becomes a button too


class LanguageLink(msgspec.Struct, frozen=True):
    """This page in another language; `url` keeps the other query parameters."""

    code: str
    url: str


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One page. URLs that are not http(s) or on this host are left out by the renderer."""

    screen: Screen
    language: str = "en"
    languages: tuple[LanguageLink, ...] = ()
    nonce: str = ""  # of this response; the same one goes into the headers
    sandbox: bool = False

    shop: str | None = None  # domain
    order_ref: str | None = None
    reference: str | None = None  # short and public, such as the session number
    amount: Money | None = None
    received: Money | None = None  # all that came; decides what SHORT, SURPLUS and FAILED say
    now: int = 0
    expires_at: int | None = None
    paid_at: int | None = None

    methods: tuple[Method, ...] = ()
    chosen: str | None = None  # CHOOSE: the method whose `inputs` are asked for
    inputs: tuple[Input, ...] = ()
    email_needed: bool = False  # every way left needs it; else the methods say so one by one
    email_typed: str = ""  # what was typed a moment ago and refused; never the stored one
    notices: tuple[Notice, ...] = ()
    refused: str | None = None  # the code of the method that METHOD_UNAVAILABLE speaks of
    decline: Decline = Decline.UNKNOWN
    form_action: str = ""  # this page's own URL, with its language
    self_url: str | None = None  # where it loads itself again; None: at `form_action`
    csrf: str = ""

    continue_url: str | None = None  # where a handed-over attempt goes on
    hand_over: bool = False  # WAITING goes to `continue_url` by itself, at once
    change_safe: bool = False  # the attempt waits for its buyer: another method may be asked for (posts action=change), or the shop
    instructions: Instructions | None = None
    wants_reference: bool = False  # INSTRUCTIONS: the buyer types in the bank's reference (posts action=reference)
    known_reference: str | None = None

    return_url: str | None = None
    cancel_url: str | None = None
    auto_return_s: int = 4  # PAID only; 0 stays

    version: int = 0
    live_url: str | None = None  # server-sent events, each with the JSON of `poll_url`
    poll_url: str | None = None  # JSON {"screen": "...", "version": n}
    refresh_s: int | None = None  # reload without JavaScript; None: as the screen needs, 0: never

    accent: str | None = None  # the shop's colour, "#rrggbb"
    logo: str | None = None  # a path on this host or a data:image/ URL

    @property
    def choosable(self) -> tuple[Method, ...]:
        return tuple(method for method in self.methods if method.available)

    @property
    def wants_email(self) -> bool:
        return bool(self.choosable) and (self.email_needed or any(method.needs_email for method in self.choosable))


HTTP_STATUS = {Screen.UNKNOWN: 404, Screen.EXPIRED: 410, Screen.BUSY: 503}


def http_status(view: View) -> int:
    """The status of a GET that shows this page (a refused form is 422 if it carries a notice)."""
    return HTTP_STATUS.get(view.screen, 422 if EMAIL_NOTICES & set(view.notices) else 200)
