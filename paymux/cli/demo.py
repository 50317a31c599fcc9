"""`paymux demo`: a gateway and a shop on this machine, ready to be paid, with everything in ./paymux-data.

A second start in the same folder finds the same merchant, keys and payments; delete the folder to begin anew.
"""

import asyncio
import contextlib
import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paymux.cli.run import Declined, Port
from paymux.cli.serve import address, listen, run_server
from paymux.errors import SettingsError

if TYPE_CHECKING:
    from paymux.app.core import Core
    from paymux.app.node import Node
    from paymux.cli.demo_shop import Server, Shop

FOLDER = Path("paymux-data")
DATABASE = f"sqlite:///{FOLDER}/paymux.db"
WALLET = "0x" + "d3" * 20
PORTS_TRIED = 50


def demo(*, port: Port | None = None) -> None:
    """Start a demo shop and gateway on this machine, with everything in ./paymux-data.

    Parameters
    ----------
    port
        The gateway's port, 8080 by default; the shop takes the next free one.
    """
    from paymux import config, logs

    given: dict[str, Any] = {"database": DATABASE, "host": "127.0.0.1", "port": port, "workers": 1, "allow_private_urls": "on"}
    settings = config.load(os.environ, secret_key_required=False, **given)
    if settings.mode == "live":
        raise Declined("the demo is for the sandbox; the mode is live")
    listener = listen(settings.host, settings.port)
    try:
        FOLDER.mkdir(mode=0o700, exist_ok=True)
        settings = config.load(os.environ, **given, secret_key=_secret_key())
    except OSError as error:
        raise SettingsError(
            f"cannot keep the demo's data in {FOLDER.resolve()}: {error.strerror}. Start it in a folder of yours."
        ) from None
    logs.set_up("error", settings.log_format)
    gateway = settings.base_url or address(listener)
    shop_server = _shop_server(listener.getsockname()[1] + 1)

    async def ready(core: "Core", node: "Node") -> None:
        shop = await _furnish(core, shop_server, gateway)
        opened = await asyncio.to_thread(shop.open_order)
        _tell(shop, opened)

    run_server(settings, listener, ready)
    print("\nStopped. What happened is kept in ./paymux-data; the next `demo` here goes on with it.")


def _secret_key() -> str:
    """The demo's own, made at the first start."""
    from paymux import ids

    path = FOLDER / "secret-key"
    with contextlib.suppress(FileExistsError):
        _write_private(path, ids.token(48), exclusive=True)
    key = path.read_text("utf-8").strip()
    if len(key) < 32:
        raise SettingsError(f"{path} holds no secret key of 32 or more characters: delete {FOLDER} to begin anew")
    return key


def _write_private(path: Path, text: str, *, exclusive: bool = False) -> None:
    flags = os.O_WRONLY | os.O_CREAT | (os.O_EXCL if exclusive else os.O_TRUNC)
    with open(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")


def _shop_server(first: int) -> "Server":
    from paymux.cli.demo_shop import Server

    for port in range(first, min(first + PORTS_TRIED, 65536)):
        with contextlib.suppress(OSError):
            return Server(port)
    raise SettingsError(f"no free port for the demo's shop from {first} on: choose another range with --port")


async def _furnish(core: "Core", server: "Server", gateway: str) -> "Shop":
    """The fixtures, the demo's merchant, and its shop, open."""
    from paymux.cli.demo_shop import Shop
    from paymux.cli.fixtures import load_all
    from paymux.webhooks.endpoints import Endpoints, SetUrl

    await load_all(core)
    merchant = await _merchant(core)
    shop_url = f"http://127.0.0.1:{server.server_address[1]}"
    wish = SetUrl(merchant_id=merchant["merchant_id"], url=f"{shop_url}/webhook")
    await core.writer.submit(Endpoints(core.keyring).set_urls, wish)
    shop = Shop(gateway, shop_url, merchant["api_key"], merchant["webhook_secret"], _say_webhook)
    server.open_for(shop)
    return shop


async def _merchant(core: "Core") -> dict[str, Any]:
    """The demo's merchant, the same at every start."""
    from paymux.cli.demo_shop import SHOP_DOMAINS
    from paymux.cli.merchant import DIALECT, add_merchant
    from paymux.merchants.change import SetShop, set_shops
    from paymux.merchants.create import NewMerchant
    from paymux.merchants.model import Plan, ShopStatus

    path = FOLDER / "demo.json"
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        kept = json.loads(path.read_text("utf-8"))
        found = await core.reader.submit(core.directory.by_key, (DIALECT, kept["api_key"]))
        if found.merchant is not None and found.merchant.id == kept["merchant_id"] and kept["webhook_secret"]:
            for domain in SHOP_DOMAINS:
                if domain not in found.merchant.shops:  # one that a person blocked stays blocked
                    await core.writer.submit(set_shops, SetShop(merchant_id=found.merchant.id, domain=domain, status=ShopStatus.APPROVED))
            return dict(kept)
    new = NewMerchant(
        name="Demo shop", email="demo@example.com", plan=Plan.PRO, country="DE", wallet=WALLET, shops=SHOP_DOMAINS, currency="EUR"
    )
    created = await add_merchant(new, core)
    kept = {"merchant_id": created.merchant_id, "api_key": created.api_key, "webhook_secret": created.webhook_secret}
    _write_private(path, json.dumps(kept))
    return kept


def program() -> str:
    """How this program was called, to be pasted into a shell."""
    if Path(sys.argv[0]).name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m paymux"
    called = Path(sys.argv[0])
    with contextlib.suppress(ValueError):
        called = called.absolute().relative_to(Path.cwd())
    return shlex.quote(str(called))


def _tell(shop: "Shop", opened: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.text import Text

    from paymux.cli.demo_shop import CURRENCY, PRICE, SHOP_DOMAIN
    from paymux.cli.fixtures import ETPAY

    out = Console(highlight=False, markup=False)
    wish = json.dumps({"amount": PRICE, "currency": CURRENCY, "domain": SHOP_DOMAIN, "order_id": "ORDER-1"}, separators=(",", ":"))
    report = f"sandbox report --database {DATABASE} --payment ecomtrade24:{opened['session_id']} --outcome paid"
    steps = (
        ("Gateway", f"{shop.gateway}"),
        ("API key", shop.api_key),
        ("Webhook secret", shop.secret),
        ("ETpay's API", f"merchant_code {ETPAY[0][1]}, merchant_api_token {ETPAY[0][2]}"),
        ("", ""),
        ("Pay this order", opened["checkout_url"]),
        ("or in the shop", f"{shop.url}/  (it also shows each webhook)"),
        ("or by command", f"{program()} {report}"),
    )
    out.print()
    out.print(Text("  Paymux demo", style="bold") + Text("   SANDBOX MODE: no real money", style="bold yellow"))
    out.print()
    for name, value in steps:
        out.print(Text(f"  {name:<16}", style="dim") + Text(value), soft_wrap=True)
    out.print()
    out.print(Text("  Create a payment yourself:", style="dim"))
    headers = f"-H 'Authorization: Bearer {shop.api_key}' -H 'Content-Type: application/json'"
    out.print(f"curl -s {shop.gateway}/gateway/session.php {headers} -d '{wish}'", soft_wrap=True)
    out.print()
    out.print(Text("  Ctrl+C stops. Webhooks appear here:", style="dim"))
    sys.stdout.flush()


def _say_webhook(verdict: str) -> None:
    print(f"  webhook  {verdict}", flush=True)
