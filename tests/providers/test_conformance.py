"""The sandbox providers pass what every provider must."""

import msgspec
import pytest

from paymux.providers.sandbox import messages
from paymux.providers.sandbox.firms import FIRMS
from paymux.providers.sandbox.messages import Standing
from tests.providers.conformance import Case, Conformance
from tests.providers.town import NOW, Town


class TestSandboxProviders(Conformance):
    @pytest.fixture(params=FIRMS)
    def case(self, request: pytest.FixtureRequest, town: Town) -> Case:
        name = request.param
        body = msgspec.json.encode(Standing(operation_key="op_1", reference="r", status="pending"))
        signature = messages.sign(town.keyring, name, str(NOW), body.decode())
        return Case(
            provider=town.provider(name),
            send=town.send,
            order=town.order(name),
            other_order=town.order(name, operation_key="op_2"),
            signed=({messages.TIMESTAMP: str(NOW), messages.SIGNATURE: signature, "content-type": "application/json"}, body),
        )


def test_all_of_them_are_sandbox_providers() -> None:
    assert len(FIRMS) == 4
    assert all(firm.abilities.sandbox for firm in FIRMS.values())
    slugs = [route.slug for firm in FIRMS.values() for route in firm.abilities.routes]
    assert len(set(slugs)) == len(slugs)
