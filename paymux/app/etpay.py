"""ETpay's part of a serving process: its API and the pages of a bank transfer."""

from typing import Any

from paymux import __version__
from paymux.app.core import Core
from paymux.checkout.transfer.door import TransferDoor
from paymux.dialects.etpay import routes
from paymux.dialects.etpay.account import DIALECT
from paymux.dialects.etpay.desk import LOGIN_PATH, PREFIX
from paymux.http import openapi
from paymux.http.serve import Table
from paymux.payments.transfer import Transfers


def etpay_tables(core: Core, transfers: Transfers, remitter: str | None) -> tuple[Table, Table]:
    """The API's table, and the pages'. `remitter` sends payouts."""
    api = routes.Api(
        core.settings,
        core.keyring,
        core.reader,
        core.writer,
        core.directory,
        core.reads,
        core.open_payment,
        core.door.advance,
        core.reporter,
        transfers,
        core.dialects[DIALECT],
        core.refunds,
        remitter,
    )
    pages = TransferDoor(
        core.dialects, core.keyring, core.reads, core.reader, core.writer, core.directory, core.door, transfers, core.sandbox
    )
    return api.table(), pages.table()


def etpay_document(table: Table) -> dict[str, Any]:
    """The OpenAPI document; credentials stand in the bodies, but for the calls behind the payouts login."""
    described = openapi.document(table, "Paymux: ETpay's merchant API", __version__, {})
    described["components"]["securitySchemes"] = {"login": {"type": "http", "scheme": "bearer"}}
    for path, methods in described["paths"].items():
        if path.startswith(PREFIX) and path != LOGIN_PATH:
            for operation in methods.values():
                operation["security"] = [{"login": []}]
    return described
