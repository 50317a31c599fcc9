"""`paymux merchant logo`: the picture that payers see, from a file."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from paymux.cli.run import AsJson, Declined, Id, Where, bad_option, run, tell_json

if TYPE_CHECKING:
    from paymux.app.core import Core


def logo(
    merchant_id: Id,
    file: Annotated[Path | None, Parameter(help="A PNG, JPEG or WebP picture; at most 100 KiB, 32 to 2000 pixels a side.")] = None,
    /,
    *,
    off: bool = False,
    as_json: AsJson = False,
    where: Where | None = None,
) -> None:
    """Show payers a merchant's logo. Pages have it from the next request on; it stands on white in the light and in the dark.

    Parameters
    ----------
    off
        Take it away.
    """
    from paymux.merchants.logo import BYTES_MAX, fault

    if (file is None) is not off:
        raise bad_option("FILE", "say a picture's file, or --off")
    data = None
    if file is not None:
        try:
            with file.open("rb") as opened:
                data = opened.read(BYTES_MAX + 1)
        except OSError as error:
            raise bad_option("FILE", f"{file} cannot be read: {error.strerror or error}") from None
        if wrong := fault(data):
            raise bad_option("FILE", f"{file} cannot be a logo: {wrong}")
    name = run(where, partial(_put, merchant_id, data))
    if as_json:
        return tell_json({"merchant_id": merchant_id, "logo": name})
    print(f"Merchant {merchant_id} has {'a new logo' if name else 'no logo'}.")


async def _put(merchant_id: int, data: bytes | None, core: "Core") -> str | None:
    from paymux.merchants.logo import PutLogo, put_logos

    if (await core.reader.submit(core.directory.by_id, merchant_id)).merchant is None:
        raise Declined(f"there is no merchant {merchant_id}")
    name: str | None = await core.writer.submit(put_logos, PutLogo(merchant_id, data))
    return name
