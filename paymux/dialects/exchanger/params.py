"""Parameters of a request: query and body, forms with bracketed keys and JSON alike, and the texts that a signature may cover. Pure.

Names keep the order in which they came, the query's first; one that both have keeps its first place with the body's value. Forms carry only
text. Numbers of a JSON body keep their literal digits, for amounts and for signatures.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import Any
from urllib.parse import parse_qsl

PAIRS_MAX = 500
VALUES_MAX, LEVELS_MAX, NUMBER_CHARS_MAX = 2000, 20, 100  # of a JSON body: a signature writes it out many times
INDEX_MAX = 100
DEPTH_MAX = 5
DIGITS_MAX = 60

_PART = re.compile(r"\[([^\[\]]*)\]")
_HALF = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a JSON body, as it stood there."""

    text: str


class Unreadable(ValueError):
    """The body is not what its media type says."""


def read_query(query: bytes) -> dict[str, Any]:
    """The query's parameters; a broken one has none."""
    try:
        return nested(query.decode())
    except (UnicodeDecodeError, Unreadable):
        return {}


def read_body(body: bytes, content_type: str) -> dict[str, Any]:
    """The body's parameters: JSON, or a form; without a media type whichever it looks like."""
    if not body.strip():
        return {}
    kind = content_type.partition(";")[0].strip().lower()
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Unreadable("the body is not UTF-8") from None
    if kind == "application/x-www-form-urlencoded" or (not kind and not text.lstrip().startswith("{")):
        return nested(text)
    try:
        found = json.loads(text, parse_float=Number, parse_int=Number, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Unreadable("the body is not JSON") from None
    if not isinstance(found, dict):
        raise Unreadable("the body is not a JSON object")
    _bound(found)
    return found


def _bound(found: dict[str, Any]) -> None:
    """Refuse what is deeper or has more values than any order needs, and text that is none. Walks without recursion."""
    seen, level = 0, [found]
    for _ in range(LEVELS_MAX):
        below: list[Any] = []
        for value in level:
            inner = value.values() if isinstance(value, dict) else value
            seen += len(value)
            if seen > VALUES_MAX or not all(map(_is_text, value if isinstance(value, dict) else ())):
                raise Unreadable("the body is too large, or a name in it is no text")
            for one in inner:
                if isinstance(one, dict | list):
                    below.append(one)
                elif not _is_text(one.text if isinstance(one, Number) else one):
                    raise Unreadable("a value of the body is no text")
                elif isinstance(one, Number) and len(one.text) > NUMBER_CHARS_MAX:
                    raise Unreadable("a number of the body is too long")
        level = below
        if not level:
            return
    raise Unreadable("the body is too deep")


def _is_text(value: Any) -> bool:
    """Whether a text can be stored: no NUL, which PostgreSQL does not take, and no half of a surrogate pair."""
    if not isinstance(value, str):
        return True
    return "\0" not in value and (value.isascii() or not _HALF.search(value))


def _refuse(word: str) -> None:
    raise ValueError(word)


def nested(text: str) -> dict[str, Any]:
    """A form's pairs as objects and lists: `a[0][key]=k`, `a[]=x`, and repeated `a=x`."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=PAIRS_MAX, errors="strict")
    except ValueError:
        raise Unreadable("the form cannot be read") from None
    if not all(_is_text(part) for pair in pairs for part in pair):
        raise Unreadable("the form holds what is no text")
    root: dict[str, Any] = {}
    for name, value in pairs:
        head = name.split("[", 1)[0] or name
        rest = name[len(head) :]
        parts = _PART.findall(rest)
        if len(parts) > DEPTH_MAX or "".join(f"[{part}]" for part in parts) != rest:
            head, parts = name, []
        _put(root, [head, *parts], value)
    return {name: _listed(value) for name, value in root.items()}


def _put(node: dict[str, Any], path: list[str], value: str) -> None:
    for place, part in enumerate(path):
        key = part if part or place == 0 else str(len(node))
        if place == len(path) - 1:
            if key not in node:
                node[key] = value
            elif isinstance(node[key], dict):
                node[key][str(len(node[key]))] = value
            else:
                node[key] = {"0": node[key], "1": value}
            return
        inner = node.setdefault(key, {})
        if not isinstance(inner, dict):
            inner = node[key] = {"0": inner}
        node = inner


def _listed(value: Any) -> Any:
    """What has the keys 0, 1, 2 … is a list, in that order."""
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(one) for key, one in value.items()}
    if inner and all(key.isascii() and key.isdigit() and len(key) <= 3 and int(key) <= INDEX_MAX for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner


def merged(query: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters; the body wins."""
    return {**query, **body}


def signed_texts(query: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[str]:
    """Every JSON text that a client may have hashed, the documented one first.

    Clients differ: `time` of the query as a number, names sorted, non-ASCII escaped, numbers as they stood in the body."""
    everything = merged(query, body)
    texts = [everything]
    if "time" not in body and isinstance(everything.get("time"), str) and _NUMBER.fullmatch(everything["time"]):
        texts.append({**everything, "time": Number(everything["time"])})
    for literal, escaped, ordered, values in product((False, True), (False, True), (False, True), texts):
        yield _json(values, ordered, escaped, literal)


def _json(value: Any, ordered: bool, escaped: bool, literal: bool) -> str:
    match value:
        case dict():
            names = sorted(value) if ordered else value
            inner = (f"{json.dumps(name, ensure_ascii=escaped)}:{_json(value[name], ordered, escaped, literal)}" for name in names)
            return "{" + ",".join(inner) + "}"
        case list():
            return "[" + ",".join(_json(one, ordered, escaped, literal) for one in value) + "]"
        case Number():
            return value.text if literal else shortest(value.text)
        case _:
            return json.dumps(value, ensure_ascii=escaped)


def shortest(text: str) -> str:
    """A number as JavaScript prints it: the shortest digits that mean the same double."""
    found = json.loads(f"{text}e0" if text.lstrip("-").isdigit() else text)
    sign, digits, exponent = Decimal(repr(found)).normalize().as_tuple()
    if not isinstance(exponent, int):
        return "null"
    figures = "".join(map(str, digits))
    point = len(figures) + exponent
    if figures == "0":
        return "0"
    if 0 < point <= 21:
        plain = figures.ljust(point, "0")
        plain = plain[:point] + (f".{plain[point:]}" if plain[point:] else "")
    elif -6 < point <= 0:
        plain = "0." + "0" * -point + figures
    else:
        mantissa = figures[0] + (f".{figures[1:]}" if figures[1:] else "")
        plain = f"{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return "-" * sign + plain


def text_of(value: Any) -> str:
    """A parameter as text; objects and lists are none."""
    match value:
        case str():
            return value
        case Number():
            return value.text
        case bool():
            return "true" if value else "false"
        case _:
            return ""


def decimal_of(value: Any) -> Decimal | None:
    """A number, or the text of one: optional sign, a dot, an exponent; None for anything else."""
    text = text_of(value).strip() if not isinstance(value, bool) else ""
    if not _NUMBER.fullmatch(text) or len(text) > DIGITS_MAX:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if -DIGITS_MAX < found.adjusted() < DIGITS_MAX else None


def whole_of(value: Any) -> int | None:
    """A whole number of at most 11 digits."""
    text = text_of(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 11 else None


def yes(value: Any) -> bool | None:
    """A boolean, as JSON or as text; None where it is neither."""
    if isinstance(value, bool):
        return value
    return {"true": True, "1": True, "false": False, "0": False}.get(text_of(value).strip().lower())


def pairs_of(value: Any) -> list[tuple[str, str]]:
    """The `{key, value}` elements of a list; other members are ignored."""
    found = value if isinstance(value, list) else []
    return [(text_of(one.get("key")), text_of(one.get("value"))) for one in found if isinstance(one, dict)]


def texts_of(value: Any) -> list[str]:
    """A list of texts; one alone is a list of one."""
    return [text_of(one) for one in value] if isinstance(value, list) else [text_of(value)] if text_of(value) else []
