from datetime import datetime

import strawberry

from domain.identity import model as identity
from schema.node import Node, represents

strawberry.enum(identity.Role)
strawberry.enum(identity.DevicePlatform)


@strawberry.type
@represents(identity.User, key=lambda user: user.id)
class User(Node):
    email: str
    display_name: str
    region: str
    created_at: datetime

    @strawberry.field(graphql_type=list[identity.Role])
    @staticmethod
    def roles(user: strawberry.Parent[identity.User]) -> list[identity.Role]:
        return sorted(user.roles)


@strawberry.type
@represents(identity.Session)
class Session:
    access_token: str
    refresh_token: str
    expires_at: datetime
    user: User


@strawberry.type
@represents(identity.Device, key=lambda device: device.id)
class Device(Node):
    platform: identity.DevicePlatform
    registered_at: datetime
