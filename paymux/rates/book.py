"""The stored quotes of rate sources, and what a direction publishes of one."""

from fractions import Fraction

from paymux.rates.model import Quoted
from paymux.storage.query import Tx, load

_q = load("paymux.rates")


async def quotes(tx: Tx) -> dict[str, Quoted]:
    """Every source's last good quote."""
    names = Quoted.__struct_fields__
    return {row["source"]: Quoted(**{name: row[name] for name in names}) for row in await tx.fetch(_q.all_quotes)}


def published(rate: str, margin_percent: str) -> tuple[str, str]:
    """(in, out) of a quote with the exchange's margin on it: in' = in + in * margin / 100, as exact decimals."""
    margin = 1 + Fraction(margin_percent) / 100
    scaled = margin.numerator * 10**12 // margin.denominator
    whole, part = divmod(scaled, 10**12)
    text = f"{whole}.{part:012d}".rstrip("0").rstrip(".")
    return text, rate
