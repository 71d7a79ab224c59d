from uuid import UUID

import strawberry

from domain.identity.model import Viewer
from domain.ids import client_key
from domain.rewards import model as rewards
from schema.connections import Connection, Page, numbered, own, page
from schema.context import Info, RequestContext
from schema.node import as_number, finds
from schema.rewards.types import Offer, Redemption


@strawberry.type
class RewardQueries:
    @strawberry.field(graphql_type=Connection[Offer])
    @staticmethod
    async def offers(info: Info, first: int | None = 20, after: str | None = None) -> Page[rewards.Offer]:
        return await page(numbered("offers", _offer_number), first, after, info.context.stores.rewards.offers)


@strawberry.type
class ViewerRewards:
    @strawberry.field(graphql_type=Connection[Redemption])
    @staticmethod
    async def redemptions(
        viewer: strawberry.Parent[Viewer], info: Info, first: int | None = 20, after: str | None = None
    ) -> Page[rewards.Redemption]:
        redemptions = numbered(own(viewer, "redemptions"), _redemption_number)
        store = info.context.stores.rewards
        return await page(
            redemptions, first, after, lambda position, limit: store.redemptions(viewer.owner, position, limit)
        )


def _offer_number(offer: rewards.Offer) -> int:
    return offer.id


def _redemption_number(redemption: rewards.Redemption) -> int:
    return redemption.id


@finds("Offer")
async def find_offer(context: RequestContext, key: str) -> rewards.Offer | None:
    number = as_number(key)
    return None if number is None else await context.stores.rewards.offer(number)


@finds("Partner")
async def find_partner(context: RequestContext, key: str) -> rewards.Partner | None:
    partner: UUID | None = client_key(key)
    return None if partner is None else await context.stores.partners.by_id(partner)


@finds("Redemption")
async def find_redemption(context: RequestContext, key: str) -> rewards.Redemption | None:
    number = as_number(key)
    redemption = None if number is None else await context.stores.rewards.redemption(number)
    return redemption if redemption is not None and redemption.owner == context.owner else None
