import strawberry

from domain.identity import model as identity
from domain.ids import client_key
from schema.context import Info, RequestContext
from schema.identity.types import User
from schema.node import finds


@strawberry.type
class ViewerIdentity:
    @strawberry.field(graphql_type=User)
    @staticmethod
    async def user(info: Info) -> identity.User:
        return await info.context.user()


@finds("User")
async def find_user(context: RequestContext, key: str) -> identity.User | None:
    return await context.user() if client_key(key) == context.caller.user_id is not None else None


@finds("Device")
async def find_device(context: RequestContext, key: str) -> identity.Device | None:
    user, device = context.caller.user_id, client_key(key)
    return None if user is None or device is None else await context.stores.users.device(user, device)
