"""What a change means for whoever counts: states that payments reached, states that attempts came to. Pure.

Noted in the transaction (`tx.facts`) and heard after its commit, so that nothing is counted that did not happen.
"""

from collections.abc import Iterable, Mapping

import msgspec

from paymux.payments.decide import Decision
from paymux.payments.lifecycle import AttemptState, State
from paymux.payments.model import Attempt


class WasOpened(msgspec.Struct, frozen=True):
    """A payment was opened; `repeated`: a live one was answered."""

    dialect: str
    repeated: bool


class Reached(msgspec.Struct, frozen=True):
    """A payment came to a state, so long after its creation."""

    dialect: str
    state: State
    after_ms: int


class AttemptMoved(msgspec.Struct, frozen=True):
    """An attempt came to a state."""

    route: str
    provider: str
    state: AttemptState


def noted(decisions: Iterable[Decision], before: Mapping[int, Attempt]) -> list[Reached | AttemptMoved]:
    """The facts of decisions, in order. `before`: the attempts as they were read."""
    facts: list[Reached | AttemptMoved] = []
    states = {attempt.id: attempt.state for attempt in before.values()}
    for decision in decisions:
        payment, attempt = decision.payment, decision.attempt
        for row in decision.history:
            if row.to_state is not row.from_state:
                facts.append(Reached(payment.dialect, row.to_state, max(0, row.learned_at - payment.created_at)))
        if attempt is not None and attempt.state is not states.get(attempt.id):
            states[attempt.id] = attempt.state
            facts.append(AttemptMoved(attempt.route, attempt.provider, attempt.state))
    return facts
