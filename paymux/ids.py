"""The only reader of randomness: keys, tokens, operation keys, delivery ids."""

import secrets
import string
from uuid import UUID

_ALNUM = string.ascii_letters + string.digits


def token(length: int = 32) -> str:
    """Random letters and digits, 5.95 bits each (32 of them: 190 bits)."""
    return "".join(secrets.choice(_ALNUM) for _ in range(length))


def capitals(length: int) -> str:
    """Random capitals and digits, 5.17 bits each."""
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(length))


def hex_token(size_bytes: int = 32) -> str:
    """Random bytes as lower-case hex."""
    return secrets.token_hex(size_bytes)


def operation_key() -> str:
    """The key of one money move, kept over retries, providers and restarts."""
    return "op_" + secrets.token_hex(16)


def api_key() -> str:
    """A merchant's API key: 238 random bits behind a prefix that people and scanners recognise."""
    return "pmx_" + token(40)


def uuid() -> str:
    """A random UUID (version 4), as text."""
    return str(UUID(bytes=secrets.token_bytes(16), version=4))


def equal(one: str, other: str) -> bool:
    """Whether two secrets are the same; in constant time."""
    return secrets.compare_digest(one.encode(), other.encode())
