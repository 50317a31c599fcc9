"""What the command line does for Echelon's API: credentials and channels of a new merchant."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paymux.keyring import Keyring


async def enrol(
    keyring: "Keyring", tx: Any, merchant_id: int, name: str, currencies: Sequence[str], now: int, *, sandbox: bool
) -> dict[str, str]:
    """A merchant code, a secret (shown this once) and in the sandbox the channels of the merchant's currencies."""
    from paymux import ids
    from paymux.dialects.echelon.catalogue import DIALECT, default_profile
    from paymux.merchants.create import add_key
    from paymux.merchants.profiles import PutProfile, put_profiles

    profile = default_profile(name, currencies, sandbox=sandbox)
    code, secret = f"M{merchant_id:06d}", ids.api_key()
    await add_key(keyring, DIALECT, tx, merchant_id, secret, now)
    await put_profiles(tx, [PutProfile(merchant_id=merchant_id, dialect=DIALECT, code=code, profile=profile)], now)
    return {"merchant_code": code, "secret": secret}
