"""Who asks: ETpay's credentials stand in the body, and the API token alone names the merchant.

Source: ETpay's official SDK (the status query sends no merchant code); a code that is sent must be the token's own.
"""

from paymux.dialects.etpay.account import DIALECT, Account, account_of
from paymux.dialects.etpay.errors import Code, Fault
from paymux.dialects.etpay.wire import Asker
from paymux.merchants.directory import Directory
from paymux.merchants.model import Merchant
from paymux.storage.writer import Batcher

TOKEN_CHARS_MAX = 200  # ours have 64; a longer one is unknown whatever follows


async def identify(reader: Batcher, directory: Directory, asker: Asker) -> tuple[Merchant, Account] | Fault:
    """The merchant with its account here; one refusal for every reason."""
    found = await reader.submit(directory.by_key, (DIALECT, asker.token[:TOKEN_CHARS_MAX]))
    merchant: Merchant | None = found.merchant
    profile = merchant.profiles.get(DIALECT) if merchant is not None else None
    if merchant is None or profile is None or not merchant.active or asker.code not in (None, profile.code):
        return Fault(Code.INVALID_CREDENTIALS)
    return merchant, account_of(profile)
