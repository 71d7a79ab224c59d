"""What a person does with orders: each call is one command to the writer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.answers import checked_key, decided, found
from domain.commands import CancelAllAfter, CancelAllOrders, CancelOrder, PlaceOrder, ReplaceOrder
from domain.errors import InvalidInput, NotFound
from domain.ids import client_key
from domain.orders.model import Order, OrderSide, OrderType, SelfTradePrevention, TimeInForce
from domain.orders.preview import Circumstances, OrderPreview, preview
from domain.orders.rules import held_asset
from domain.ports import CommandQueue, LedgerStore, MarketStore, Streams
from domain.text import is_code

BATCH_MAX = 100
PREVIEW_LEVELS = 1_000
"""Prices of each side that a preview looks at."""


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """An order as somebody asks for it; `client_order_id` is its idempotency key."""

    client_order_id: str
    symbol: str
    side: OrderSide
    quantity: int
    price: int
    type: OrderType
    time_in_force: TimeInForce
    expires_at: datetime | None
    post_only: bool
    self_trade: SelfTradePrevention


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Orders that were cancelled together; `left` is how many an auction keeps in its last seconds."""

    client_order_ids: Sequence[str]
    left: int

    @property
    def count(self) -> int:
        return len(self.client_order_ids)


@dataclass(frozen=True, slots=True)
class DeadManTimer:
    """None where it is switched off."""

    runs_out: datetime | None


def command_of(owner: int, draft: OrderDraft) -> PlaceOrder:
    """Raises InvalidInput for a key or a symbol that cannot be one."""
    key = checked_key(draft.client_order_id, "clientOrderId")
    _check_symbol(draft.symbol)
    return PlaceOrder(
        caller=owner,
        key=key,
        symbol=draft.symbol,
        side=draft.side,
        type=draft.type,
        time_in_force=draft.time_in_force,
        quantity=draft.quantity,
        price=draft.price,
        expires_at=draft.expires_at,
        post_only=draft.post_only,
        self_trade=draft.self_trade,
    )


async def place_order(commands: CommandQueue, market: MarketStore, *, owner: int, draft: OrderDraft) -> Order:
    """The order as this command left it, or as it is now where the key was used before for the same order."""
    command = command_of(owner, draft)
    assert command.key is not None
    answer = await decided(commands, command)
    order: Order | None = answer.state or await market.order(owner, command.key)
    return found(order)


def check_batch(drafts: Sequence[OrderDraft]) -> None:
    """Raises InvalidInput for more orders than one batch may have."""
    if len(drafts) > BATCH_MAX:
        raise InvalidInput(f"At most {BATCH_MAX} orders at once; these are {len(drafts)}.", "inputs")


async def preview_order(
    market: MarketStore, ledger: LedgerStore, streams: Streams, *, owner: int, draft: OrderDraft, now: datetime
) -> OrderPreview:
    """Decides nothing and keeps nothing: the market may be another one when the order comes."""
    try:
        command = command_of(owner, draft)
    except InvalidInput as refusal:
        return OrderPreview((refusal,))
    instrument = await market.instrument(command.symbol)
    book = await streams.book(command.symbol, PREVIEW_LEVELS)
    if instrument is None or book is None:
        return OrderPreview((InvalidInput("There is no instrument with this symbol.", "symbol"),))
    owned = await ledger.balance(owner, instrument.asset.code)
    payable = await ledger.balance(owner, held_asset(command.side, instrument).code)
    found = Circumstances(
        now,
        book,
        await market.own_levels(owner, instrument),
        owned.available + owned.held if owned else 0,
        payable.available if payable else 0,
    )
    return preview(command, instrument, found)


async def replace_order(
    commands: CommandQueue,
    market: MarketStore,
    *,
    owner: int,
    client_order_id: str,
    quantity: int,
    price: int,
    idempotency_key: str,
) -> Order:
    """Raises NotFound, OrderNotOpen, and what a new order may be refused for."""
    key = client_key(client_order_id)
    if key is None:
        raise NotFound("There is no order of yours with this clientOrderId.")
    command = ReplaceOrder(
        caller=owner,
        key=checked_key(idempotency_key, "idempotencyKey"),
        client_order_id=key,
        quantity=quantity,
        price=price,
    )
    answer = await decided(commands, command)
    order: Order | None = answer.state or await market.order(owner, key)
    return found(order)


async def cancel_order(commands: CommandQueue, market: MarketStore, *, owner: int, client_order_id: str) -> Order:
    """Raises NotFound, or OrderNotOpen where it ended otherwise than by its owner's cancel."""
    key = client_key(client_order_id)
    if key is None:
        raise NotFound("There is no order of yours with this clientOrderId.")
    answer = await decided(commands, CancelOrder(caller=owner, client_order_id=key))
    order: Order | None = answer.state or await market.order(owner, key)
    return found(order)


async def cancel_all_orders(commands: CommandQueue, *, owner: int, symbol: str | None) -> Cancelled:
    """Of one market, or of all of them."""
    if symbol is not None:
        _check_symbol(symbol)
    answer = await decided(commands, CancelAllOrders(caller=owner, symbol=symbol))
    return Cancelled(answer.data["client_order_ids"], answer.data["left"])


async def cancel_all_after(commands: CommandQueue, *, owner: int, seconds: int) -> DeadManTimer:
    """Raises InvalidInput outside of the timer's bounds."""
    answer = await decided(commands, CancelAllAfter(caller=owner, seconds=seconds))
    runs_out = answer.data["runs_out"]
    return DeadManTimer(None if runs_out is None else datetime.fromisoformat(runs_out))


def _check_symbol(symbol: str) -> None:
    if not is_code(symbol):
        raise InvalidInput("There is no instrument with this symbol.", "symbol")
