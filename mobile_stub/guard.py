"""Keeps a dead-man timer at the server from running out: when the phone falls silent, its open orders are cancelled."""

import asyncio

from mobile_stub.client import Client
from mobile_stub.errors import GaveUp, Refused

CALLS_IN_TIME = 3
"""How often the timer is set anew before it could run out."""


async def keep_alive(client: Client, seconds: int) -> None:
    """Until it is cancelled. A call without an answer is made up for by the next one."""
    while True:
        try:
            await client.send_once("CancelAllAfter", seconds=seconds)
        except (GaveUp, Refused):
            await asyncio.sleep(1)
        else:
            await asyncio.sleep(seconds / CALLS_IN_TIME)


async def let_go(client: Client) -> None:
    """Switches the timer off: the orders stand, whatever becomes of the phone."""
    await client.read("CancelAllAfter", seconds=0)
