"""Standard Webhooks headers (standardwebhooks.com, 1.0.0), sent beside each dialect's own signature.

`webhook-id` is the delivery, `webhook-timestamp` whole Unix seconds, `webhook-signature` one `v1,…` per secret that signs,
the current one first. The key is the secret's UTF-8 bytes: a receiver whose library wants `whsec_…` gives it the base64 of them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook


def standard_headers(delivery: str, body: str, secrets: Sequence[str], now: int) -> dict[str, str]:
    """The three headers. `now` is the real time of this try: receivers refuse a timestamp that is minutes away from theirs."""
    sent_at = datetime.fromtimestamp(now // 1000, UTC)
    signatures = [Webhook(secret.encode()).sign(delivery, sent_at, body) for secret in secrets]
    return {"webhook-id": delivery, "webhook-timestamp": str(now // 1000), "webhook-signature": " ".join(signatures)}
