"""The client half of the sandbox's bank: a sandbox company whose payers approve on our own pages."""

import msgspec

from paymux.decline import DeclineReason
from paymux.http.call import Call, Reply, Unreachable
from paymux.keyring import Keyring
from paymux.providers.bank import Bank, Dialogue, Down, Talk
from paymux.providers.protocol import Provider, Send, Turned, Unclear
from paymux.providers.sandbox import dialogue, messages
from paymux.providers.sandbox.banks import BANKS
from paymux.providers.sandbox.dialogue import Said
from paymux.providers.sandbox.firms import BANK, FIRMS
from paymux.providers.sandbox.messages import Fault
from paymux.providers.sandbox.provider import TIMEOUT_S, SandboxProvider, sandbox_providers


class SandboxBank(SandboxProvider):
    """The sandbox's bank, seen from our side."""

    banks: tuple[Bank, ...] = BANKS

    async def look(self, operation_key: str, send: Send) -> Talk:
        """Where the dialogue stands."""
        return await self._say(operation_key, Said(do="look"), send)

    async def identify(self, operation_key: str, bank: str, payer: str, password: str, send: Send) -> Talk:
        """Log the payer in."""
        return await self._say(operation_key, Said(do="identify", bank=bank, payer=payer, password=password), send)

    async def choose(self, operation_key: str, account: str, send: Send) -> Talk:
        """Pay from this account."""
        return await self._say(operation_key, Said(do="choose", account=account), send)

    async def answer(self, operation_key: str, number: int, value: str, send: Send) -> Talk:
        """Answer the bank's question."""
        return await self._say(operation_key, Said(do="answer", number=number, value=value), send)

    async def _say(self, operation_key: str, said: Said, send: Send) -> Talk:
        call: Call = self._call("POST", f"{messages.CHARGES}/{operation_key}/dialogue", msgspec.json.encode(said))
        reply = await send(call)
        if isinstance(reply, Unreachable):
            return Unclear(why=reply.detail) if reply.sent else Down(reply.detail)
        return _read(reply)


def _read(reply: Reply) -> Talk:
    try:
        if reply.status == 200:
            found = msgspec.json.decode(reply.body, type=dialogue.Reply)
            return Dialogue(**msgspec.structs.asdict(found))
        fault = msgspec.json.decode(reply.body, type=Fault)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Unclear(why=f"the bank's answer makes no sense: HTTP {reply.status}", odd=True)
    if reply.status == 422 and fault.error == messages.NOT_ACCEPTED:
        return Turned(why=fault.why, decline_reason=DeclineReason.of(fault.decline_reason))
    if reply.status == 503 and fault.error == messages.DOWN:
        return Down(fault.why)
    return Unclear(why=f"the bank's answer makes no sense: HTTP {reply.status}", odd=True)


def all_providers(keyring: Keyring, timeout_s: float = TIMEOUT_S) -> dict[str, Provider]:
    """Every sandbox provider by its name, the bank among them."""
    return {**sandbox_providers(keyring, timeout_s), BANK: SandboxBank(FIRMS[BANK], keyring, timeout_s)}
