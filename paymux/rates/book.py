"""The stored quotes of rate sources."""

from paymux.rates.model import Quoted
from paymux.storage.query import Tx, load

_q = load("paymux.rates")


async def quotes(tx: Tx) -> dict[str, Quoted]:
    """Every source's last good quote."""
    names = Quoted.__struct_fields__
    return {row["source"]: Quoted(**{name: row[name] for name in names}) for row in await tx.fetch(_q.all_quotes)}
