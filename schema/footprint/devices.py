"""Pairing meters and plugs that report by MQTT."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain.errors import NotFound as NotFoundError
from domain.footprint import devices
from domain.identity.model import Viewer
from domain.ids import client_key
from domain.ports import DeviceStore
from schema.context import Info, RequestContext
from schema.errors import InvalidInput, NotFound, TooManyRequests
from schema.node import represents
from schema.permissions import Limited, Requires, person

strawberry.enum(
    devices.MeterDeviceKind,
    description="SHELLY is generation 2 to 4. HOME_ASSISTANT passes on one energy entity of its own.",
)


@strawberry.type(description="One thing to set on the device, in the device's own words.")
class DeviceSetting:
    name: str
    value: str


@strawberry.type(
    description=(
        "A meter or plug, or the program that speaks for several, which reports by MQTT. Whatever is published under "
        "`topic` is this person's: keep it to yourself."
    )
)
@represents(devices.PairedDevice)
class PairedDevice:
    kind: devices.MeterDeviceKind
    name: str
    topic: str
    is_within_meter: bool = strawberry.field(description="kept and not counted: a meter that is read has it already")
    paired_at: datetime
    last_heard_at: datetime | None

    @strawberry.field
    @staticmethod
    def id(device: strawberry.Parent[devices.PairedDevice]) -> strawberry.ID:
        return strawberry.ID(str(device.id))

    @strawberry.field(
        graphql_type=list[DeviceSetting], description="what to set on the device, besides the broker's address"
    )
    @staticmethod
    def settings(device: strawberry.Parent[devices.PairedDevice]) -> list[devices.DeviceSetting]:
        return devices.settings_of(device)


@strawberry.input
class PairDeviceInput:
    kind: devices.MeterDeviceKind
    name: str
    entity: str | None = strawberry.field(
        description="of HOME_ASSISTANT alone: the energy entity that counts, such as sensor.grid_import", default=None
    )
    is_within_meter: bool = strawberry.field(
        description="true for a plug behind a house meter that is read too", default=False
    )


PairDeviceResult = Annotated[
    PairedDevice | InvalidInput | NotFound | TooManyRequests, strawberry.union("PairDeviceResult")
]


@strawberry.type
class DeviceMutations:
    @strawberry.mutation(graphql_type=PairDeviceResult, extensions=[Limited("mutations"), Requires(person)])
    @staticmethod
    async def pair_device(info: Info, input: PairDeviceInput) -> devices.PairedDevice:
        context = info.context
        store = _store(context)
        user = await context.user()
        device = devices.new_device(
            owner=user.owner,
            kind=input.kind,
            name=input.name,
            entity=input.entity,
            is_within_meter=input.is_within_meter,
            region=user.region,
            time_zone=user.time_zone,
            now=context.now,
        )
        await store.pair(device)
        return device

    @strawberry.mutation(
        description="true where there was such a device; what it told stays",
        extensions=[Limited("mutations"), Requires(person)],
    )
    @staticmethod
    async def unpair_device(info: Info, id: strawberry.ID) -> bool:
        device_id, store = client_key(id), info.context.stores.devices
        if device_id is None or store is None:
            return False
        return await store.unpair(info.context.owner, device_id, info.context.now)


@strawberry.type
class ViewerDevices:
    @strawberry.field(graphql_type=list[PairedDevice], description="meters and plugs that report by MQTT")
    @staticmethod
    async def paired_devices(viewer: strawberry.Parent[Viewer], info: Info) -> list[devices.PairedDevice]:
        store = info.context.stores.devices
        return list(await store.paired(viewer.owner)) if store else []


def _store(context: RequestContext) -> DeviceStore:
    if context.stores.devices is None:
        raise NotFoundError("This server listens to no broker, so no device can be paired.")
    return context.stores.devices
