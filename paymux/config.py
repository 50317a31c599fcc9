"""Every setting: name, type, unit, default, one sentence. The fields of `Settings` are the one table.

A setting is read from the environment (`PAYMUX_` and its name in upper case), else from a TOML file (`--config` or
`PAYMUX_CONFIG`), else it has its default; what a command was given on its line goes before all of them. An empty
environment variable counts as not set. Lists are written with commas, or as a JSON list. An unknown name or a bad value
is an error, and all errors are told at once; values are never repeated in them, since a value may be a secret.

>>> load({"PAYMUX_SECRET_KEY": "x" * 32, "PAYMUX_PORT": "9000"}).port
9000
"""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from paymux import setting_types as types
from paymux.errors import SettingsError
from paymux.setting_types import BadValue, Network, Type

PREFIX = "PAYMUX_"
_NOT_SETTINGS = ("PAYMUX_CONFIG", "PAYMUX_TEST_")
_HOW_TO_MAKE_A_KEY = (
    "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))' and keep it: without it nothing stored can be read"
)

# What one unit is worth in USD, roughly: to compare an amount with a route's limits, and for the other side of the sandbox's top-ups.
FX_RATES: Mapping[str, Decimal] = MappingProxyType(
    types.RATES.read(
        "USD=1,USDC=1,USDT=1,EUR=1.08,GBP=1.27,CHF=1.13,JPY=0.0067,CNY=0.14,HKD=0.128,SGD=0.74,AUD=0.66,NZD=0.60,CAD=0.73,SEK=0.095,NOK=0.094,"
        "DKK=0.145,PLN=0.25,CZK=0.043,HUF=0.0027,RON=0.217,TRY=0.03,ILS=0.27,AED=0.2723,SAR=0.2667,INR=0.012,IDR=0.000063,THB=0.028,"
        "MYR=0.22,PHP=0.0175,KRW=0.00073,BRL=0.19,MXN=0.055,ZAR=0.054,RUB=0.011,VND=0.000039"
    )
)


def _setting(default: Any, kind: Type, sentence: str, unit: str = "", secret: bool = False) -> Any:
    """One row of the table. A secret is left out when settings are shown."""
    row = {"kind": kind, "sentence": sentence, "unit": unit}
    if isinstance(default, Mapping):  # a dataclass takes it for something that could change
        return field(default_factory=lambda: default, repr=False, metadata=row)
    return field(default=default, repr=not secret, metadata=row)


_count = types.integer
_NOTHING, _ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a process, checked. `log_format` "auto" is text on a terminal and JSON elsewhere."""

    mode: Literal["sandbox", "live"] = _setting(
        "sandbox", types.one_of("sandbox", "live"), "Whether money is real; recorded in the database at its first start."
    )
    database: str = _setting(
        "sqlite:///paymux-data/paymux.db",
        types.DATABASE,
        "Where everything is kept; three slashes are a path from the working directory, four an absolute one.",
        secret=True,
    )
    host: str = _setting("127.0.0.1", types.TEXT, "The address to listen on.")
    port: int = _setting(8080, _count(0, 65535), "The port to listen on; 0 takes a free one.")
    workers: int = _setting(1, _count(1, 64), "Serving processes; more than one needs PostgreSQL.")
    secret_key: str = _setting(
        "", types.SECRET, "Any text of 32 or more characters; API keys and stored secrets depend on it. No default.", secret=True
    )
    secret_keys_old: tuple[str, ...] = _setting(
        (), types.SECRETS, "Earlier secret keys, still able to read what was stored under them.", secret=True
    )
    base_url: str | None = _setting(
        None, types.BASE_URL, "How shops and buyers reach this server; by default the request's own scheme and host."
    )
    trusted_proxies: tuple[Network, ...] = _setting((), types.NETWORKS, "Addresses or networks whose X-Forwarded headers are believed.")
    allow_private_urls: bool = _setting(
        False, types.SWITCH, "Whether outbound calls may go to addresses that are not public, for local work."
    )
    body_max_bytes: int = _setting(65536, _count(1024, 16 * 1024 * 1024), "The longest request body that is read.", "bytes")

    log_level: str = _setting("info", types.one_of("debug", "info", "warning", "error"), "The least important events that are logged.")
    log_format: Literal["auto", "json", "text"] = _setting(
        "auto", types.one_of("auto", "json", "text"), "How events are written; auto is text on a terminal, else JSON."
    )
    metrics: bool = _setting(True, types.SWITCH, "Whether metrics are counted and offered.")
    metrics_public: bool = _setting(False, types.SWITCH, "Whether metrics are told to any address, not only to private ones.")

    webhook_retry_scale: Decimal = _setting(  # noqa: RUF009 - a table row, its Decimal never changes
        _ONE, types.decimal(1000, above=True), "Multiplies the delays between the attempts of a notice.", "times"
    )
    webhook_timeout_s: int = _setting(10, _count(1, 120), "How long one delivery of a notice may take.", "seconds")
    webhook_concurrency: int = _setting(256, _count(1, 4096), "Deliveries under way at once.")
    webhook_per_endpoint: int = _setting(8, _count(1, 256), "Deliveries under way at once to one receiver.")
    webhook_lease_s: int = _setting(20, _count(2, 600), "How long a worker owns a notice; longer than a delivery may take.", "seconds")

    rate_limits: bool = _setting(True, types.SWITCH, "Whether the limits on requests below are held.")
    session_per_minute: int = _setting(120, _count(1), "Payments that one merchant may create.", "per minute")
    session_per_minute_unlimited: int = _setting(600, _count(1), "The same on the unlimited plan.", "per minute")
    status_per_key_per_minute: int = _setting(30, _count(1), "Status reads of one payment by one merchant.", "per minute")
    status_per_merchant_per_minute: int = _setting(600, _count(1), "Status reads of one merchant together.", "per minute")
    order_per_minute: int = _setting(30, _count(1), "Orders of the exchange that one address may create without a key.", "per minute")
    order_per_minute_key: int = _setting(1200, _count(1), "The same with one key.", "per minute")
    me_per_minute: int = _setting(60, _count(1), "Account reads of one merchant.", "per minute")
    status_abuse_refusals: int = _setting(30, _count(1), "Refused status reads after which a merchant's status reads are blocked.")
    status_abuse_window_s: int = _setting(600, _count(1, 86400), "The time in which those refusals are counted.", "seconds")
    status_block_s: int = _setting(300, _count(1, 86400), "How long that block lasts.", "seconds")

    session_minutes: int = _setting(60, _count(1, 43200), "How long a payment session of EcomTrade24's API stays open.", "minutes")
    payin_minutes: int = _setting(120, _count(1, 43200), "How long a payin of Echelon's API can be paid.", "minutes")
    echelon_per_second: int = _setting(10, _count(1), "Requests that one merchant may make of Echelon's API.", "per second")
    platform_fee_percent: Decimal = _setting(_NOTHING, types.decimal(100), "The platform's share of each payment.", "percent")  # noqa: RUF009
    smart_routing: bool = _setting(
        True, types.SWITCH, "Whether payments may be routed automatically; the switch in the database goes before it."
    )
    fx_rates: Mapping[str, Decimal] = _setting(
        FX_RATES,
        types.RATES,
        "What one unit of a currency is worth: for routes' limits and the sandbox's top-ups.",
        "USD",
    )
    email_deny_domains: tuple[str, ...] = _setting((), types.DOMAINS, "Domains whose e-mail addresses are not accepted from buyers.")

    start_timeout_s: int = _setting(10, _count(1, 120), "How long a provider may take to start a payment.", "seconds")
    poll_first_s: int = _setting(5, _count(1, 3600), "When an unclear attempt is first asked about again.", "seconds")
    poll_max_s: int = _setting(300, _count(1, 86400), "The longest time between two such questions.", "seconds")
    doubt_deadline_s: int = _setting(86400, _count(60, 30 * 86400), "After how long an unclear attempt is shown to a person.", "seconds")

    postgres_lanes: int = _setting(3, _count(1, 4), "Transactions that are committed at once on PostgreSQL.")
    writer_batch_max: int = _setting(256, _count(1, 4096), "Commands that share one commit.")
    writer_queue_max: int = _setting(4096, _count(1, 1_000_000), "Commands that may wait; further ones are answered with 503.")


@dataclass(frozen=True, slots=True)
class SettingDoc:
    """One setting as a reader sees it."""

    name: str
    env: str
    type: str
    unit: str  # empty: none
    default: str
    sentence: str


_KINDS: dict[str, Type] = {row.name: row.metadata["kind"] for row in fields(Settings)}


def load(
    environ: Mapping[str, str], config_path: str | Path | None = None, *, secret_key_required: bool = True, **overrides: object
) -> Settings:
    """The settings; `SettingsError` with every fault found. An override that is None was not given."""
    faults: list[str] = []
    given: dict[str, tuple[str, object]] = {}  # name -> (how the operator calls it, raw value)
    path = config_path or environ.get("PAYMUX_CONFIG")
    if path:
        given |= _from_file(Path(path), faults)
    given |= _from_environment(environ, faults)
    for name, value in overrides.items():
        assert name in _KINDS, f"{name} is no setting"
        if value is not None:
            given[name] = (f"--{name.replace('_', '-')}", value)
    values: dict[str, Any] = {}
    for name, (called, raw) in given.items():
        try:
            values[name] = _KINDS[name].read(raw)
        except BadValue as bad:
            faults.append(f"{called}: expected {bad}" + (f"; {_HOW_TO_MAKE_A_KEY}" if name == "secret_key" else ""))
    if "fx_rates" in values:
        values["fx_rates"] = MappingProxyType({**FX_RATES, **values["fx_rates"]})
    settings = Settings(**values)
    faults += _conflicts(settings)
    if secret_key_required and "secret_key" not in given:
        faults.append(f"{PREFIX}SECRET_KEY is not set; {_HOW_TO_MAKE_A_KEY}")
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def describe() -> list[SettingDoc]:
    """Every setting, in the order of the table."""
    return [
        SettingDoc(
            name=row.name,
            env=PREFIX + row.name.upper(),
            type=row.metadata["kind"].expected,
            unit=row.metadata["unit"],
            default="built-in table" if row.name == "fx_rates" else _shown(row.default),
            sentence=row.metadata["sentence"],
        )
        for row in fields(Settings)
    ]


def markdown() -> str:
    """The table of settings for the documentation."""
    lines = ["| Setting | Expected | Unit | Default | Meaning |", "|---|---|---|---|---|"]
    for doc in describe():
        default = f"`{doc.default}`" if doc.default else ""
        lines.append(f"| `{doc.env}` | {doc.type} | {doc.unit} | {default} | {doc.sentence} |")
    return "\n".join(lines) + "\n"


def _from_environment(environ: Mapping[str, str], faults: list[str]) -> dict[str, tuple[str, object]]:
    given: dict[str, tuple[str, object]] = {}
    for variable, value in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable == _NOT_SETTINGS[0] or variable.startswith(_NOT_SETTINGS[1]):
            continue
        name = variable[len(PREFIX) :].lower()
        if name not in _KINDS or variable != variable.upper():
            faults.append(_unknown(variable, name, lambda close: PREFIX + close.upper()))
        elif value.strip():
            given[name] = (variable, value.strip())
    return given


def _from_file(path: Path, faults: list[str]) -> dict[str, tuple[str, object]]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        faults.append(f"{path}: the settings file cannot be read ({error.strerror})")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        where = str(error).rpartition("(")[2].rstrip(")") if isinstance(error, tomllib.TOMLDecodeError) else "it is not UTF-8"
        faults.append(f"{path}: the settings file is not TOML ({where})")
        return {}
    given: dict[str, tuple[str, object]] = {}
    for name, value in table.items():
        if name in _KINDS:
            given[name] = (f"{path}: {name}", value)
        else:
            faults.append(_unknown(f"{path}: {name}", name.lower(), str))
    return given


def _unknown(called: str, name: str, spell: Any) -> str:
    close = get_close_matches(name, _KINDS, n=1, cutoff=0.5)
    return f"{called} is no setting" + (f"; did you mean {spell(close[0])}?" if close else "")


def _conflicts(settings: Settings) -> list[str]:
    """Rules between two settings."""
    rules = {
        "webhook_lease_s must be longer than webhook_timeout_s, or a notice would be sent twice": settings.webhook_lease_s
        > settings.webhook_timeout_s,
        "poll_max_s must not be shorter than poll_first_s": settings.poll_max_s >= settings.poll_first_s,
        "secret_keys_old must not name secret_key itself": not settings.secret_key or settings.secret_key not in settings.secret_keys_old,
    }
    return [fault for fault, holds in rules.items() if not holds]


def _shown(default: object) -> str:
    if default is None or default is MISSING or default == () or default == "":
        return ""
    if isinstance(default, bool):
        return "on" if default else "off"
    return str(default)
