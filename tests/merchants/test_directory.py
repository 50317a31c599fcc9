"""Whom a key belongs to, on both engines: what a command committed is true for the very next request."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from paymux.errors import StorageError
from paymux.keyring import Keyring
from paymux.merchants import directory as module
from paymux.merchants.create import Created, NewMerchant, add_key, create_merchant
from paymux.merchants.directory import Directory, Found
from paymux.merchants.model import Late, Plan, Policy, ShopStatus
from paymux.routing.health import HealthBook
from paymux.routing.model import Health, Route
from paymux.storage import installation
from paymux.storage.query import Query, Tx
from tests.payments.samples import NOW
from tests.payments.stage import KEYRING, Stage

ROUTES = (Route(slug="card", provider="bank", methods=("card",)), Route(slug="big", provider="bank", methods=("card",), priority=9))
NEW = NewMerchant(name="M", email="m@example.com", plan=Plan.FREE, shops=("a.example", "b.example"))
q = module._q


def directory(keyring: Keyring = KEYRING) -> Directory:
    return Directory(keyring, ROUTES, True, HealthBook().over)


async def created(stage: Stage, new: NewMerchant = NEW, dialect: str = "stub", keyring: Keyring = KEYRING) -> Created:
    return await stage.storage.write(lambda tx: create_merchant(keyring, dialect, tx, new, NOW))


async def look(stage: Stage, found: Directory, *keys: tuple[str, str]) -> list[Found]:
    """By what is remembered where it may be; the database itself, and a directory that remembers nothing, say the same."""

    async def work(tx: Tx) -> list[Found]:
        remembered = await found.by_key(tx, keys, NOW, (await installation.facts(tx))["version"])
        assert remembered == await found.by_key(tx, keys, NOW) == await forgetful.by_key(tx, keys, NOW)
        return remembered

    forgetful = Directory(found._keyring, ROUTES, True, HealthBook().over)
    return await stage.storage.snapshot(work)


async def change(stage: Stage, query: Any, **params: Any) -> None:
    async def work(tx: Tx) -> None:
        await tx.fetch(query, **params)

    await stage.storage.write(work)


def ids(found: list[Found]) -> list[int | None]:
    return [one.merchant.id if one.merchant else None for one in found]


async def test_a_new_merchant_is_found_by_its_key_with_everything_it_has(stage: Stage) -> None:
    new = await created(stage, replace(NEW, country="DE", wallet="0x1"))
    [found] = await look(stage, directory(), ("stub", new.api_key))
    merchant = found.merchant
    assert merchant is not None
    assert (merchant.id, merchant.plan, merchant.active, merchant.country, merchant.wallet) == (2, Plan.FREE, True, "DE", "0x1")
    assert merchant.shops == {"a.example": ShopStatus.APPROVED, "b.example": ShopStatus.APPROVED}
    assert (merchant.policy, merchant.methods_off, merchant.smart_routing) == (Policy(), frozenset(), True)
    assert (found.now, found.platform.smart_routing, found.platform.routes) == (NOW, True, ROUTES)


async def test_keys_are_stored_as_hashes_and_secrets_encrypted(stage: Stage) -> None:
    new = await created(stage)
    stored = str(await stage.rows("SELECT * FROM merchant_key")) + str(await stage.rows("SELECT * FROM endpoint"))
    assert new.api_key not in stored
    assert new.webhook_secret not in stored


@pytest.mark.parametrize("key", ["", "unknown", "ü" * 500, "pmx_'; DROP TABLE merchant; --"])
async def test_a_key_of_nobody_finds_nobody(stage: Stage, key: str) -> None:
    [found] = await look(stage, directory(), ("stub", key))
    assert found.merchant is None
    assert found.platform.routes == ROUTES


async def test_one_batch_finds_each_its_own(stage: Stage) -> None:
    keys = [(await created(stage)).api_key for _ in range(3)]
    asked = [("stub", keys[2]), ("stub", "nobody"), ("stub", keys[0]), ("stub", keys[2]), ("stub", keys[1])]
    assert ids(await look(stage, directory(), *asked)) == [4, None, 2, 4, 3]


async def test_a_key_of_one_api_opens_no_other_even_beside_a_right_one(stage: Stage) -> None:
    new = await created(stage)
    assert ids(await look(stage, directory(), ("other", new.api_key))) == [None]
    assert ids(await look(stage, directory(), ("other", new.api_key), ("stub", new.api_key), ("other", new.api_key))) == [None, 2, None]


async def test_a_revoked_key_is_dead_for_the_next_request(stage: Stage) -> None:
    new, found = await created(stage), directory()
    assert ids(await look(stage, found, ("stub", new.api_key))) == [2]
    await change(stage, q.revoke_keys, revoked_at=NOW, merchant_id=2, dialect="stub")
    assert ids(await look(stage, found, ("stub", new.api_key))) == [None]


async def test_a_removed_key_is_dead_for_the_next_request(stage: Stage) -> None:
    new, found = await created(stage), directory()
    assert ids(await look(stage, found, ("stub", new.api_key))) == [2]
    await stage.run("DELETE FROM merchant_key;")
    assert ids(await look(stage, found, ("stub", new.api_key))) == [None]
    assert found.remembered("stub", new.api_key, NOW) is None


async def test_a_revoked_key_is_remembered_until_its_grace_is_over(stage: Stage) -> None:
    new, found = await created(stage), directory()
    await change(stage, q.revoke_keys, revoked_at=NOW + 10, merchant_id=2, dialect="stub")
    assert ids(await look(stage, found, ("stub", new.api_key))) == [2]
    known = found.remembered("stub", new.api_key, NOW + 9)
    assert known is not None
    assert known.found.merchant is not None
    assert found.remembered("stub", new.api_key, NOW + 10) is None


async def test_most_batches_ask_nothing_of_merchants(stage: Stage) -> None:
    new, found = await created(stage), directory()
    await look(stage, found, ("stub", new.api_key))

    async def work(tx: Tx) -> list[Found]:
        class Silent:
            engine, fetch = tx.engine, None

        return await found.by_key(Silent(), [("stub", new.api_key)] * 2, NOW, (await installation.facts(tx))["version"])  # type: ignore[arg-type]

    assert ids(await stage.storage.read(work)) == [2, 2]


async def test_what_changed_of_a_merchant_is_true_for_the_next_request(stage: Stage) -> None:
    new, found = await created(stage), directory()
    await look(stage, found, ("stub", new.api_key))
    await change(
        stage, q.change_merchant, id=2, plan="pro", active=0, country="AT", wallet=None, smart_routing=0, methods_off='["card"]',
        policy='{"late":"accept","short_tolerance_units":7}', updated_at=NOW,
    )  # fmt: skip
    [one] = await look(stage, found, ("stub", new.api_key))
    assert one.merchant is not None
    assert (one.merchant.plan, one.merchant.active, one.merchant.methods_off) == (Plan.PRO, False, frozenset({"card"}))
    assert one.merchant.policy == Policy(late=Late.ACCEPT, short_tolerance_units=7)
    await change(stage, q.put_shop, merchant_id=2, domain="a.example", status="blocked", created_at=NOW)
    await change(stage, q.touch_merchant, id=2, updated_at=NOW)
    [one] = await stage.storage.read(lambda tx: found.by_id(tx, [2], NOW))
    assert one.merchant is not None
    assert one.merchant.shops["a.example"] is ShopStatus.BLOCKED


async def test_the_platforms_switches_are_true_for_the_next_request(stage: Stage) -> None:
    new, found = await created(stage), directory()
    await look(stage, found, ("stub", new.api_key))
    await change(stage, q.set_route, slug="card", health="down", priority=3, updated_at=NOW)
    await stage.storage.write(lambda tx: installation.set_fact(tx, "smart_routing", "off"))
    [one] = await look(stage, found, ("stub", new.api_key))
    assert one.platform.smart_routing is False
    assert one.platform.routes == (replace(ROUTES[0], health=Health.DOWN, priority=3), ROUTES[1])


async def test_keys_outlive_a_rotation_of_the_secret_key(stage: Stage) -> None:
    new = await created(stage)
    rotated = Keyring("another secret key of 32 characters or more", ("a secret key of at least 32 characters",))
    assert ids(await look(stage, directory(rotated), ("stub", new.api_key))) == [2]
    assert ids(await look(stage, directory(Keyring("a third secret key, of nobody's, with 32 characters")), ("stub", new.api_key))) == [
        None
    ]


async def test_a_key_in_use_is_not_given_to_a_second_merchant(stage: Stage) -> None:
    first = await created(stage)
    with pytest.raises(StorageError, match="in use already"):
        await created(stage, replace(NEW, api_key=first.api_key))
    assert await stage.rows("SELECT count(*) FROM merchant") == [(2,)]


async def test_a_revoked_key_that_is_given_again_counts_again(stage: Stage) -> None:
    new = await created(stage)
    await change(stage, q.revoke_keys, revoked_at=NOW, merchant_id=2, dialect="stub")
    await stage.storage.write(lambda tx: add_key(KEYRING, "stub", tx, 2, new.api_key, NOW))
    assert ids(await look(stage, directory(), ("stub", new.api_key))) == [2]


async def test_a_merchant_with_a_given_id_is_made_once_and_later_ids_follow(stage: Stage) -> None:
    for _ in range(2):
        await created(stage, replace(NEW, id=40, api_key="fixed"))
    assert (await created(stage)).merchant_id == 41
    assert await stage.rows("SELECT id FROM merchant ORDER BY id") == [(1,), (40,), (41,)]


class Interrupted:
    """A reading connection beside which another node changes something before each further statement."""

    def __init__(self, tx: Tx, change: Callable[[], Awaitable[None]], loop: asyncio.AbstractEventLoop) -> None:
        self.engine, self.facts = tx.engine, tx.facts
        self._tx, self._change, self._loop, self._begun = tx, change, loop, False

    async def fetch(self, query: Query, *args: Any, **params: Any) -> Any:
        if self._begun and self.engine == "sqlite":  # its unit runs in a thread of its own and may not wait for the loop
            asyncio.run_coroutine_threadsafe(self._change(), self._loop).result(10)  # type: ignore[arg-type]
        elif self._begun:
            await self._change()
        self._begun = True
        return await self._tx.fetch(query, *args, **params)


async def test_a_shop_that_changes_during_a_look_up_is_right_at_the_next(stage: Stage, second: Stage) -> None:
    new, found, loop = await created(stage), directory(), asyncio.get_running_loop()

    async def block() -> None:
        await change(second, q.put_shop, merchant_id=2, domain="a.example", status="blocked", created_at=NOW)
        await change(second, q.touch_merchant, id=2, updated_at=NOW)

    await stage.storage.read(lambda tx: found.by_key(Interrupted(tx, block, loop), [("stub", new.api_key)], NOW))
    [one] = await look(stage, found, ("stub", new.api_key))
    assert one.merchant is not None
    assert one.merchant.shops["a.example"] is ShopStatus.BLOCKED


async def test_look_ups_beside_changes_never_show_what_was_never_true(stage: Stage, second: Stage) -> None:
    new, found = await created(stage), directory()

    async def changing() -> None:
        for number in range(15):
            both = {"country": f"{number:02}", "wallet": f"{number:02}"}
            await change(
                second,
                q.change_merchant,
                id=2,
                plan="pro",
                active=1,
                smart_routing=1,
                methods_off="[]",
                policy="{}",
                updated_at=NOW,
                **both,
            )

    async def looking() -> None:
        for _ in range(15):
            [one] = await look(stage, found, ("stub", new.api_key))
            assert one.merchant is not None
            assert one.merchant.country == one.merchant.wallet

    await asyncio.gather(changing(), looking(), looking())
    [one] = await look(stage, found, ("stub", new.api_key))
    assert one.merchant is not None
    assert one.merchant.country == "14"
