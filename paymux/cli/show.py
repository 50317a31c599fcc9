"""Answers for eyes: fields, tables, times, amounts. On a terminal with a little colour, elsewhere plain text in full width."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from paymux import clock
from paymux.money import currency, decimal_text

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 240  # where nobody wraps


def console() -> "Console":
    """Where answers go."""
    from rich.console import Console

    out = Console(highlight=False, markup=False, emoji=False)
    if not out.is_terminal:
        out.width = WIDE
    return out


def fields(pairs: Iterable[tuple[str, object]], title: str = "") -> None:
    """Names and values below each other; what is None is left out."""
    from rich.text import Text

    shown = [(name, str(value)) for name, value in pairs if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    out = console()
    if title:
        out.print(Text(title, style="bold"))
    for name, value in shown:
        out.print(Text(f"  {name:<{width}}  ", style="dim") + Text(value, style="default"), soft_wrap=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "", empty: str = "") -> None:
    """Rows under their columns; numbers stand at the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    out = console()
    if title:
        out.print(Text(title, style="bold"))
    if not rows:
        if empty:
            out.print(f"  {empty}")
        return
    shown = Table(box=box.SIMPLE_HEAD if out.is_terminal else None, pad_edge=True, header_style="dim", show_edge=False)
    for index, name in enumerate(columns):
        number = all(isinstance(row[index], int) for row in rows)
        shown.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text("" if value is None else str(value)) for value in row))
    out.print(shown)


def time(at: int | None) -> str | None:
    """`2026-04-29 12:10:00`, UTC."""
    return None if at is None else clock.text(at)


def amount(units: int, code: str) -> str:
    """Units with their currency."""
    known = currency(code)
    return f"{decimal_text(units, known.exponent)} {code}" if known else f"{units} units of {code}"


def plain(value: Any) -> Any:
    """A struct as JSON types."""
    import msgspec

    return msgspec.to_builtins(value)
