"""A provider reports by itself: check the signature, find the attempt by its operation key, enter by the one door."""

from collections.abc import Mapping, Sequence

from paymux.clock import Clock
from paymux.payments import store
from paymux.payments.advance import Door
from paymux.payments.hear import heard
from paymux.payments.model import Attempt, Source
from paymux.providers.protocol import Registry
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher

ASK_AGAIN_MS = 60_000


async def find_attempts(tx: Tx, keys: Sequence[str], now: int) -> list[Attempt | None]:
    """Attempts by operation key."""
    rows = await tx.fetch(store.q.attempt_by_key, [(key,) for key in sorted(set(keys))])
    found = {attempt.operation_key: attempt for attempt in store.read_attempts(rows)}
    return [found.get(key) for key in keys]


async def receive(
    provider_name: str,
    headers: Mapping[str, str],
    body: bytes,
    registry: Registry,
    reader: Batcher,
    writer: Batcher,
    door: Door,
    clock: Clock,
) -> int:
    """The HTTP status for the provider: 200 only after the report is committed; 401 a bad signature; 404 nobody's operation."""
    provider = registry.providers.get(provider_name)
    if provider is None:
        return 404
    callback = provider.read_callback(headers, body)
    if callback is None:
        return 401
    attempt = await reader.submit(find_attempts, callback.operation_key)
    if attempt is None or attempt.provider != provider_name:
        return 404
    for report in heard(attempt, callback.status, Source.PROVIDER, clock.now(), clock.now() + ASK_AGAIN_MS):
        await writer.submit(door.advance, report)
    return 200
