"""Whether an address belongs to its currency: Bitcoin, EVM, TRON, cards, IBAN.

Checksums are python-stdnum's (base58 and bech32 of Bitcoin, Luhn, IBAN) and pycryptodome's Keccak; ours are only Taproot's constant (BIP
350), EIP-55's rule, which needs no more than the hash, and TRON's version byte.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256

from stdnum import bitcoin, iban, luhn

from paymux.exchange.model import Check

_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32M = 0x2BC830A3
_TRON_VERSION = 0x41


def btc(text: str) -> bool:
    """A mainnet address: P2PKH, P2SH, SegWit, Taproot."""
    return _taproot(text) if text.lower().startswith("bc1p") else bool(bitcoin.is_valid(text)) and text == text.strip()


def evm(text: str) -> bool:
    """0x and 40 hex digits; mixed case must carry EIP-55's checksum."""
    digits = text[2:]
    if text[:2] != "0x" or len(digits) != 40 or not all(char in "0123456789abcdefABCDEF" for char in digits):
        return False
    if digits in (digits.lower(), digits.upper()):
        return True
    from Crypto.Hash import keccak  # here: it brings a parser of C along, which the start of a server need not wait for

    digest = keccak.new(digest_bits=256, data=digits.lower().encode()).hexdigest()
    return all(char == (char.upper() if int(mark, 16) > 7 else char.lower()) for char, mark in zip(digits, digest, strict=False))


def tron(text: str) -> bool:
    """A base58 address of TRON, as TRC20 tokens use it."""
    if len(text) != 34 or not text.startswith("T"):
        return False
    try:
        raw = bitcoin.b58decode(text)
    except (ValueError, bitcoin.ValidationError):
        return False
    return len(raw) == 25 and raw[0] == _TRON_VERSION and sha256(sha256(raw[:21]).digest()).digest()[:4] == raw[21:]


def card(text: str) -> bool:
    """12 to 19 digits (blanks between them are fine) with Luhn's check digit."""
    digits = text.replace(" ", "")
    return digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19 and bool(luhn.is_valid(digits))


def iban_text(text: str) -> bool:
    return bool(iban.is_valid(text))


def _taproot(text: str) -> bool:
    if text not in (text.lower(), text.upper()) or len(text) != 62:
        return False
    data = [_BECH32.find(char) for char in text.lower()[3:]]
    if -1 in data:
        return False
    check = 1
    for value in [3, 3, 0, 2, 3, *data]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for index, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> index & 1 else 0
    return check == _BECH32M


CHECKS: Mapping[Check, Callable[[str], bool]] = {
    Check.NONE: lambda text: True,
    Check.BTC: btc,
    Check.EVM: evm,
    Check.TRON: tron,
    Check.CARD: card,
    Check.IBAN: iban_text,
}
