"""The sandbox companies' own books, as verbs over batches. A change and the callbacks that tell of it are one transaction."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from paymux.clock import HOUR, MINUTE, SECOND
from paymux.decline import DeclineReason
from paymux.providers.sandbox.charge import Act, Acted, Charge, Paid, State, act_on, is_repeat, marked, passed
from paymux.providers.sandbox.magic import ORDINARY, SCRIPTS
from paymux.providers.sandbox.messages import standing
from paymux.storage.query import Row, Tx, load

CLAIMED_MS = 30 * SECOND  # a callback that nobody answered for is made again after this long
RETRY_MS = (2 * SECOND, 5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR)  # the last one again and again
TRIES_MAX = 30

Word = Literal["paid", "declined", "pending", "review", "settled", "expired"]

_q = load("paymux.providers.sandbox.house")


class Opening(msgspec.Struct, frozen=True):
    """A start call; `charge` as it would be stored, its state and times still open."""

    charge: Charge
    at_once: bool  # the company charges at the start


class Opened(msgspec.Struct, frozen=True):
    """`fresh`: this call opened it. `clash`: the key belongs to another operation."""

    charge: Charge
    fresh: bool
    clash: bool = False


class Question(msgspec.Struct, frozen=True):
    """Which company is asked about which operation."""

    provider: str
    operation_key: str


class Deed(msgspec.Struct, frozen=True):
    """A tester's click. `decline_reason`: with DECLINE."""

    reference: str
    act: Act
    decline_reason: DeclineReason | None = None


class Done(msgspec.Struct, frozen=True):
    """The charge after a click; `allowed` is False where its life has no such move."""

    charge: Charge
    allowed: bool


class Claimed(msgspec.Struct, frozen=True):
    """A callback to make, and the time to sign it with."""

    id: int
    operation_key: str
    body: str
    tries: int  # this one is counted
    provider: str
    callback_url: str
    now: int


class Told(msgspec.Struct, frozen=True):
    """How a callback went."""

    callback: Claimed
    acknowledged: bool


async def start(tx: Tx, commands: Sequence[Opening], now: int) -> list[Opened]:
    """Open charges. A key that is known already is answered as it stands now."""
    begun: dict[str, Acted] = {}
    for command in commands:
        begun.setdefault(command.charge.operation_key, _begun(command, now))
    await tx.fetch(_q.add_charges, [_inserted(begun[key].charge) for key in sorted(begun)])
    stored = await locked(tx, begun)
    fresh = {key for key, done in begun.items() if stored[key].reference == done.charge.reference}
    await _tell(tx, [done for key, done in begun.items() if key in fresh], now)
    changed = {key: done for key in stored.keys() - fresh if (done := passed(stored[key], now, asked=True))}
    await save(tx, list(changed.values()), now)
    results = []
    for command in commands:
        key = command.charge.operation_key
        charge = changed[key].charge if key in changed else stored[key]
        results.append(Opened(charge, charge.reference == command.charge.reference, _identity(charge) != _identity(command.charge)))
    return results


async def ask(tx: Tx, questions: Sequence[Question], now: int) -> list[Charge | None]:
    """How charges stand; whatever waited for a question happens now. None: this company knows no such key."""
    current = await _asked(tx, questions, now)
    return [current.get(question) for question in questions]


async def cancel(tx: Tx, questions: Sequence[Question], now: int) -> list[Charge | None]:
    """End charges that are open; every other one stays. What has happened by now comes first."""
    current = await _asked(tx, questions, now)
    ended = {question: done for question, charge in current.items() if (done := act_on(charge, Act.CANCEL, now))}
    await save(tx, list(ended.values()), now)
    return [ended[question].charge if question in ended else current.get(question) for question in questions]


async def act(tx: Tx, deeds: Sequence[Deed], now: int) -> list[Done | None]:
    """Do what testers clicked; a second click has no second effect. None: no such charge."""
    rows = await tx.fetch(_q.keys_by_reference, [(reference,) for reference in sorted({deed.reference for deed in deeds})])
    keys = {row["reference"]: row["operation_key"] for row in rows}
    current = await locked(tx, keys.values())
    results: list[Done | None] = []
    changes: list[Acted] = []
    for deed in deeds:
        key = keys.get(deed.reference)
        if key is None:
            results.append(None)
            continue
        if overdue := passed(current[key], now, asked=False):  # what the sweep has not seen yet came before this click
            changes.append(overdue)
            current[key] = overdue.charge
        done = act_on(current[key], deed.act, now, deed.decline_reason)
        if done is not None:
            changes.append(done)
            current[key] = done.charge
        results.append(Done(current[key], done is not None or is_repeat(current[key], deed.act)))
    await save(tx, changes, now)
    return results


async def find(tx: Tx, references: Sequence[str], _now: int) -> list[Charge | None]:
    """Charges by reference, to look at."""
    rows = await tx.fetch(_q.charges_by_reference, [(reference,) for reference in sorted(set(references))])
    found = {row["reference"]: _charge(row) for row in rows}
    return [found.get(reference) for reference in references]


async def anything_due(tx: Tx, commands: Sequence[None], now: int) -> list[bool]:
    """Whether the duty has anything to do."""
    found = bool((await tx.fetch(_q.anything_due, now=now))[0]["found"])
    return [found for _ in commands]


async def advance_scripts(tx: Tx, batches: Sequence[int], now: int) -> list[int]:
    """Let happen what happens by itself, at most so many charges; returns how many."""
    results = []
    for batch in batches:
        due = [_charge(row) for row in await tx.fetch(_q.due_charges, now=now, batch=batch)]
        await save(tx, [done for charge in due if (done := passed(charge, now, asked=False))], now)
        results.append(len(due))
    return results


async def claim_callbacks(tx: Tx, batches: Sequence[int], now: int) -> list[list[Claimed]]:
    """Take callbacks that are due, at most so many each; nobody else gets them for a while."""
    results = []
    for batch in batches:
        rows = await tx.fetch(_q.due_callbacks, now=now, batch=batch)
        claimed = [
            Claimed(row["id"], row["operation_key"], row["body"], row["tries"] + 1, row["provider"], row["callback_url"], now)
            for row in rows
        ]
        await tx.fetch(_q.postpone_callbacks, [(one.id, now + CLAIMED_MS, one.tries) for one in claimed])
        results.append(claimed)
    return results


async def record_callbacks(tx: Tx, told: Sequence[Told], now: int) -> list[None]:
    """Forget what was acknowledged; the rest comes again later."""
    over = [one.callback.id for one in told if one.acknowledged or one.callback.tries >= TRIES_MAX]
    again = [one.callback for one in told if one.callback.id not in over]
    await tx.fetch(_q.drop_callbacks, [(callback_id,) for callback_id in sorted(over)])
    await tx.fetch(_q.postpone_callbacks, [(one.id, now + retry_ms(one.tries), one.tries) for one in sorted(again, key=lambda one: one.id)])
    return [None for _ in told]


async def mark(tx: Tx, commands: Sequence[tuple[str, Word]], now: int) -> list[bool]:
    """An operator told the core by command how operations ended: agree with that from now on. False: no such charge here.

    What was about to happen or to be reported is dropped. The money is named `report:<operation key>`, as that command names it.
    """
    current = await locked(tx, [key for key, _ in commands])
    known = set(current)
    for key, word in commands:
        if key in current:
            current[key] = marked(current[key], word, now)
    await tx.fetch(_q.save_charges, [_saved(current[key]) for key in sorted(current)])
    await tx.fetch(_q.drop_callbacks_of, [(key,) for key in sorted(known)])
    return [key in known for key, _ in commands]


def retry_ms(tries: int) -> int:
    """How long after the given try the next one comes."""
    return RETRY_MS[min(tries, len(RETRY_MS)) - 1]


async def _asked(tx: Tx, questions: Sequence[Question], now: int) -> dict[Question, Charge]:
    stored = await locked(tx, [question.operation_key for question in questions])
    mine = [question for question in set(questions) if (c := stored.get(question.operation_key)) and c.provider == question.provider]
    changed = {question: done for question in mine if (done := passed(stored[question.operation_key], now, asked=True))}
    await save(tx, list(changed.values()), now)
    return {question: changed[question].charge if question in changed else stored[question.operation_key] for question in mine}


def _begun(command: Opening, now: int) -> Acted:
    """A new charge with what its magic amount makes of it."""
    magic = command.charge.magic
    script = ORDINARY if magic is None else SCRIPTS[magic]
    charge = replace(
        command.charge,
        state=(command.at_once and script.begins_direct) or script.begins,
        next_act=script.then,
        due_at=None if script.then is None else now + script.after_ms,
        when_asked=script.when_asked,
        decline_reason=script.decline_reason,
        created_at=now,
        updated_at=now,
    )
    if command.at_once and script.then is not None:
        done = passed(charge, now, asked=False)
        if done is not None and done.charge.state is State.PAID:
            return done
    return Acted(charge)


def _identity(charge: Charge) -> tuple[str, int, str, str]:
    """What may not differ between two starts with one key."""
    return charge.provider, charge.amount_units, charge.currency, charge.method


async def locked(tx: Tx, keys: Iterable[str]) -> dict[str, Charge]:
    """Charges by operation key, to change them."""
    rows = await tx.fetch(_q.charges_by_key, [(key,) for key in sorted(set(keys))])
    return {row["operation_key"]: _charge(row) for row in rows}


async def save(tx: Tx, changes: Sequence[Acted], now: int) -> None:
    """Write changes in the order they happened; the last one of a charge counts, every callback does."""
    last = {change.charge.operation_key: change.charge for change in changes}
    await tx.fetch(_q.save_charges, [_saved(last[key]) for key in sorted(last)])
    await _tell(tx, changes, now)


async def _tell(tx: Tx, changes: Sequence[Acted], now: int) -> None:
    told = [charge for change in changes for charge in change.told]
    await tx.fetch(
        _q.add_callbacks,
        [
            (place, charge.operation_key, msgspec.json.encode(standing(charge)).decode(), now)
            for place, charge in enumerate(told)
        ],
    )  # fmt: skip


def _money(charge: Charge) -> str:
    return msgspec.json.encode(charge.transfers).decode()


def _inserted(c: Charge) -> tuple[object, ...]:
    next_act = c.next_act and c.next_act.value
    return (
        c.operation_key, c.reference, c.provider, c.amount_units, c.currency, c.method, c.description, c.return_url, c.callback_url,
        c.state.value, _money(c), int(c.settled), c.magic, next_act, c.due_at, int(c.when_asked), c.created_at, c.updated_at,
        c.decline_reason,
    )  # fmt: skip


def _saved(c: Charge) -> tuple[object, ...]:
    next_act = c.next_act and c.next_act.value
    return c.operation_key, c.state.value, _money(c), int(c.settled), next_act, c.due_at, int(c.when_asked), c.updated_at, c.decline_reason


def _charge(row: Row) -> Charge:
    fields = {name: row[name] for name in Charge.__struct_fields__}
    return Charge(
        **fields
        | {
            "state": State(row["state"]),
            "transfers": msgspec.json.decode(row["transfers"], type=tuple[Paid, ...]),
            "settled": bool(row["settled"]),
            "next_act": Act(row["next_act"]) if row["next_act"] else None,
            "when_asked": bool(row["when_asked"]),
            "decline_reason": DeclineReason.of(row["decline_reason"]) if row["decline_reason"] else None,
        }
    )
