"""What the two halves say to each other: JSON structs, their signature and token. Amounts are decimal strings, times Unix milliseconds.

Calls: `POST /v1/charges` (StartCall), `GET /v1/charges/{operation_key}`, `POST /v1/charges/{operation_key}/cancel`; each answers a
`Standing` or a `Fault`. The bank also hears `POST …/dialogue` (dialogue.Said) and answers a dialogue.Reply. A callback is a `Standing`
without `url`, with `X-Sandbox-Timestamp` and `X-Sandbox-Signature`: hex of HMAC-SHA256 over "callback:<provider>:<timestamp>." and the
body, under the installation's own key.
"""

from typing import Any

import msgspec

from paymux.keyring import Keyring
from paymux.money import decimal_text, known
from paymux.providers.sandbox.charge import Charge, State, transfer_txid

HOST = "https://sandbox.invalid"  # a name that can never exist: these calls stay in the process
CHARGES = "/v1/charges"
TIMESTAMP = "x-sandbox-timestamp"
SIGNATURE = "x-sandbox-signature"
UNKNOWN = "unknown_operation"
NOT_ACCEPTED = "not_accepted"  # final: nothing began
KEY_REUSED = "key_reused"
DOWN = "bank_down"  # nothing moved


class StartCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    operation_key: str
    amount: str
    currency: str
    method: str
    description: str
    return_url: str
    callback_url: str
    email: str | None


class SentTransfer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reference: str
    amount: str
    currency: str
    at: int
    txid: str


class Standing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an operation stands. `status` is one of `charge.State`; `url` is the buyer's page, while it is open.

    `decline_reason` is a word of `DeclineReason`, with "declined". Whatever else comes there is read as none said: what is known of the
    money must not depend on it.
    """

    operation_key: str
    reference: str
    status: str
    transfers: list[SentTransfer] = []
    settled_txid: str | None = None
    url: str | None = None
    decline_reason: Any = None


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    error: str
    why: str
    decline_reason: Any = None  # with NOT_ACCEPTED; read as in a `Standing`


def standing(charge: Charge, page_url: str | None = None) -> Standing:
    """A charge in the words of the wire."""
    exponent = known(charge.currency).exponent
    return Standing(
        operation_key=charge.operation_key,
        reference=charge.reference,
        status=charge.state.value,
        transfers=[
            SentTransfer(
                reference=paid.reference,
                amount=decimal_text(paid.units, exponent),
                currency=charge.currency,
                at=paid.at,
                txid=transfer_txid(paid.reference),
            )
            for paid in charge.transfers
        ],
        settled_txid=charge.settled_txid if charge.state is State.PAID else None,
        url=page_url if charge.state is State.OPEN else None,
        decline_reason=charge.decline_reason if charge.state is State.DECLINED else None,
    )


def token(keyring: Keyring, provider: str) -> str:
    """What a client shows to its company."""
    return f"{provider}.{keyring.mac('sandbox', f'client:{provider}')}"


def token_owner(keyring: Keyring, shown: str) -> str | None:
    """The provider that a token belongs to; None if it is not genuine."""
    provider, _, mac = shown.partition(".")
    return provider if mac.isascii() and keyring.mac_ok("sandbox", f"client:{provider}", mac) else None


def sign(keyring: Keyring, provider: str, timestamp: str, body: str) -> str:
    return keyring.mac("sandbox", f"callback:{provider}:{timestamp}.{body}")


def signature_ok(keyring: Keyring, provider: str, timestamp: str, body: str, signature: str) -> bool:
    return keyring.mac_ok("sandbox", f"callback:{provider}:{timestamp}.{body}", signature)
