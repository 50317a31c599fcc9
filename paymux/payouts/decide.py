"""What a report means for a payout: values in, values out. No SQL, no HTTP, no clock."""

from dataclasses import dataclass, field

from msgspec.structs import replace

from paymux.errors import Refusal, Refused, refuse
from paymux.ledger import postings
from paymux.ledger.postings import Cause, Transfer
from paymux.payouts.lifecycle import FINAL, PayoutEvent, PayoutState, after
from paymux.payouts.model import Payout, PayoutHistory, PayoutReport

OPERATOR = "operator"


@dataclass(slots=True)
class Decision:
    """What to write together. `told`: the state is new, so the shop may have to know."""

    payout: Payout
    history: list[PayoutHistory] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.history)


def held(payout: Payout, now: int) -> list[Transfer]:
    """What moves when a payout is accepted: amount and fee leave the payable balance together."""
    return list(postings.payout_held(_cause(payout, now), payout.amount_units, payout.fee_units))


def decide(payout: Payout, report: PayoutReport, now: int) -> Decision | Refused:
    """Apply one report. Refused (STATE_FORBIDS) only for people; a provider's late or repeated word changes nothing."""
    state = after(payout.state, report.event)
    if state is None:
        if report.source == OPERATOR and not _known_already(payout, report.event):
            return refuse(Refusal.STATE_FORBIDS, f"a payout that is {payout.state} cannot be reported {report.event}")
        return Decision(payout)
    happened = report.happened_at or now
    over = state in FINAL
    changed = replace(
        payout,
        state=state,
        version=payout.version + 1,
        provider_ref=report.provider_ref or payout.provider_ref,
        reason=report.reason if state is PayoutState.FAILED else None,
        act_at=None if over else report.act_at,
        doubted_at=(payout.doubted_at or now) if state is PayoutState.UNCLEAR else None,
        sent_at=now if state is PayoutState.SENDING else payout.sent_at,
        ended_at=happened if over else None,
        updated_at=now,
    )
    done = Decision(changed)
    done.history.append(
        PayoutHistory(
            payout_id=payout.id,
            version=changed.version,
            merchant_id=payout.merchant_id,
            event=report.event,
            from_state=payout.state,
            to_state=state,
            source=report.source,
            why=report.why[:500],
            happened_at=happened,
            learned_at=now,
        )
    )
    if state is PayoutState.PAID:
        done.transfers += postings.payout_sent(_cause(changed, happened), payout.amount_units, payout.fee_units)
    elif state is PayoutState.FAILED:
        done.transfers += postings.payout_released(_cause(changed, happened), payout.amount_units + payout.fee_units)
    return done


def _known_already(payout: Payout, event: PayoutEvent) -> bool:
    return payout.state in {PayoutEvent.PAID: {PayoutState.PAID}, PayoutEvent.FAILED: {PayoutState.FAILED},
                            PayoutEvent.PENDING: {PayoutState.PENDING}}.get(event, set())  # fmt: skip


def _cause(payout: Payout, at: int) -> Cause:
    return Cause(None, payout.version, payout.merchant_id, payout.provider, payout.currency, at, payout.id)
