"""The command line `paymux`. Scripts rely on its words, its JSON and its exit codes.

0: done. 1: refused, the reason stands on stderr. 2: it cannot start as it was asked (options, settings, database), stderr says what to do.
Commands are imported when they are called, so that `serve` carries nothing that only a terminal needs.
"""

import os
import sys

from cyclopts import App, CycloptsError, Parameter

from paymux import __version__
from paymux.cli import lean  # noqa: F401 - before anything else loads what it spares us
from paymux.errors import PaymuxError, SettingsError, StorageError

_CALM = Parameter(negative=(), show_env_var=False)  # no --no-… and --empty-… beside the options that are documented

# Group -> what it is about, and its commands: name -> (where its function is, what it does).
COMMANDS: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "merchant": (
        "Merchants: create them, see them, change them.",
        {
            "create":        ("merchant:create", "Create a merchant and print its credentials, this once."),
            "list":          ("merchant:list_", "List merchants."),
            "show":          ("merchant:show", "Show a merchant: settings, shops, webhooks, balances."),
            "disable":       ("merchant_change:disable", "Refuse every key of a merchant from the next request on."),
            "enable":        ("merchant_change:enable", "Let a disabled merchant in again."),
            "plan":          ("merchant_change:plan", "Move a merchant to another plan."),
            "wallet":        ("merchant_change:wallet", "Set where a merchant's money is forwarded."),
            "smart-routing": ("merchant_change:smart_routing", "Switch a merchant's automatic routing on or off."),
            "method":        ("merchant_change:method", "Switch one method of a merchant on or off."),
            "shop":          ("merchant_change:shop", "Register a shop, or change its status."),
            "key":           ("merchant_change:key", "Give a merchant a new API key; the old one is dead at once, or after a grace."),
            "logo":          ("merchant_logo:logo", "Show payers a merchant's logo, from a file; or take it away."),
            "policy":        ("merchant_change:policy", "Say how wrong money is treated and which routes are not used."),
            "webhook":       ("merchant_change:webhook", "Set where notices go, or give them a new secret."),
        },
    ),
    "payment": (
        "Payments: their whole story, and what a person decides.",
        {
            "show":     ("payment:show", "Show everything that is known of a payment."),
            "list":     ("payment:list_", "List the newest payments, a merchant's, those in doubt, or those that wait for a person."),
            "accept":   ("payment:accept", "Decide that a payment under review or in doubt counts as paid."),
            "reject":   ("payment:reject", "Decide that a payment under review or in doubt is not paid."),
            "returned": ("payment:returned", "Note that held money went back to the buyer."),
            "refund":   ("refund:refund", "Give a paid payment back to its buyer, all of it or a part."),
        },
    ),
    "webhook": (
        "Notices to merchants: try, list, see, send again.",
        {
            "test":   ("webhook:trial", "Send a test delivery to a merchant."),
            "list":   ("webhook:list_", "List a merchant's notices."),
            "show":   ("webhook:show", "Show the bytes of a notice and every answer to it."),
            "resend": ("webhook:resend", "Send notices again: one, or a range."),
        },
    ),
    "route": (
        "Routes to providers.",
        {
            "list": ("route:list_", "List every route with its health and priority."),
            "set":  ("route:set_", "Say that a route is up, degraded or down, and how early it is tried."),
        },
    ),
    "channel": (
        "Channels of a merchant's Echelon API: limits, fees, daily caps, operators, and the sandbox's outcomes.",
        {
            "list":     ("channel:list_", "List a merchant's channels."),
            "add":      ("channel_change:add", "Give a merchant a channel: one method in one currency."),
            "set":      ("channel:set_", "Change a channel; the next request sees it."),
            "remove":   ("channel_change:remove", "Take a channel from a merchant."),
            "merchant": ("channel_change:merchant", "Change what all channels of a merchant share."),
            "secret":   ("channel_change:secret", "Give a merchant a new secret for the API."),
            "outcome":  ("channel:outcome", "Say what the sandbox makes of a merchant's amounts, and how fast."),
        },
    ),
    "etpay": (
        "What ETpay's API keeps of merchants.",
        {
            "set":   ("etpay:set_", "Show or change a merchant's account, default URLs and switches there."),
            "login": ("etpay:login", "Give a merchant the login that moves money out, with a new password; or take it away."),
        },
    ),
    "sandbox": (
        "What only the sandbox can do.",
        {
            "report": ("sandbox:report", "Report an outcome as if the sandbox's provider had."),
            "clock":  ("sandbox:clock", "Move the sandbox's clock, or put it back."),
        },
    ),
    "fixtures": (
        "Reference data of the contracts, for trying and testing.",
        {"load": ("fixtures:load", "Load reference data; again changes nothing.")},
    ),
    "exchange": (
        "The exchange: orders, decisions, inventory, keys, currencies and directions.",
        {
            "show":     ("exchange:show", "Show everything that is known of an order."),
            "list":     ("exchange:list_", "List orders that wait for somebody."),
            "act":      ("exchange:act", "Lead an order on: confirm, hold, return, delete, done and others."),
            "receive":  ("exchange:receive", "Note money that came for an order."),
            "late":     ("exchange:late", "Return or accept money that came after an order's end."),
            "stock":    ("exchange:stock", "Put money into the inventory, or take it out."),
            "setup":    ("exchange:setup", "Add or change currencies and directions, from a file."),
            "key":      ("exchange:key", "Give a merchant a key pair for the exchanger's API."),
            "reliable": ("exchange:reliable", "Repeat a merchant's order notices until they are taken."),
            "partner-key": ("exchange_partner:partner_key", "Give a partner a new key for the partners' own API."),
            "reward":   ("exchange_partner:reward", "Note that a partner was paid of what it earned."),
        },
    ),
    "ledger": ("The books.", {"check": ("ledger:check", "Prove the books and the histories.")}),
}  # fmt: skip
SINGLE: dict[str, tuple[str, str]] = {
    "demo":     ("demo:demo", "Start a demo shop and gateway on this machine, with everything in ./paymux-data."),
    "serve":    ("serve:serve", "Serve the API, the pages and the background duties."),
    "work":     ("serve:work", "Do the background duties only."),
    "migrate":  ("serve:migrate", "Bring the database to this program's schema."),
    "routing":  ("route:routing", "Switch automatic routing for the whole platform."),
    "settings": ("settings:settings", "List every setting with its default and what it does."),
    "doctor":   ("doctor:doctor", "Find what is wrong, and explain how to mend it."),
    "backup":   ("backup:backup", "Make a consistent copy while the server runs, and prove it; or verify one."),
}  # fmt: skip


def build() -> App:
    """The whole tree of commands; nothing of them is imported yet."""
    app = App(
        name="paymux",
        help="A self-hosted payment gateway. Every option that is a setting can also stand in the environment: --port is PAYMUX_PORT.",
        version=__version__,
        result_action="return_value",
        default_parameter=_CALM,
        help_format="plaintext",
    )
    for name, (place, does) in SINGLE.items():
        app.command(f"paymux.cli.{place}", name=name, help=does)
    for group, (about, commands) in COMMANDS.items():
        inner = App(name=group, help=about)
        for name, (place, does) in commands.items():
            inner.command(f"paymux.cli.{place}", name=name, help=does)
        app.command(inner)
    return app


def main() -> None:
    """Run the command line that the process was given, and end the process."""
    try:
        build()(sys.argv[1:], exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except CycloptsError as error:
        _end(2, f"{_one_line(str(error))} See: paymux {' '.join(error.command_chain or ())} --help".replace("  ", " "))
    except (SettingsError, StorageError) as error:
        _end(2, str(error))
    except PaymuxError as error:
        _end(1, str(error))
    except KeyboardInterrupt:
        _end(130)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _end(0)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _end(code: int, message: str = "") -> None:
    for line in message.splitlines():
        print(f"paymux: {line}", file=sys.stderr)
    sys.exit(code)
