from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import strawberry

from domain.errors import Unauthenticated
from domain.identity import model as identity
from domain.identity.credentials import comparable_email
from domain.identity.service import refresh_session, register_device, sign_in, sign_out, sign_up
from schema.context import Info, RequestContext
from schema.errors import EmailTaken, InvalidCredentials, InvalidInput, TooManyRequests, WeakPassword
from schema.identity.types import Device, Session
from schema.permissions import Limited, Requires, person


@strawberry.input
class SignUpInput:
    email: str
    password: str
    display_name: str
    region: str
    locale: str | None = "en"
    time_zone: str | None = "UTC"


@strawberry.input
class SignInInput:
    email: str
    password: str


@strawberry.input
class RegisterDeviceInput:
    client_id: strawberry.ID
    platform: identity.DevicePlatform
    push_token: str | None


SignUpResult = Annotated[
    Session | EmailTaken | WeakPassword | InvalidInput | TooManyRequests, strawberry.union("SignUpResult")
]
SignInResult = Annotated[Session | InvalidCredentials | TooManyRequests, strawberry.union("SignInResult")]
RefreshSessionResult = Annotated[Session | InvalidCredentials, strawberry.union("RefreshSessionResult")]
RegisterDeviceResult = Annotated[Device | InvalidInput, strawberry.union("RegisterDeviceResult")]


@strawberry.type
class IdentityMutations:
    @strawberry.mutation(graphql_type=SignUpResult)
    @staticmethod
    async def sign_up(info: Info, input: SignUpInput) -> identity.Session:
        context = info.context
        await context.limits.count("sign_ups", context.address)
        return await sign_up(
            context.stores.users,
            context.stores.sessions,
            context.hasher,
            email=input.email,
            password=input.password,
            display_name=input.display_name,
            region=input.region,
            locale=input.locale or "en",
            time_zone="UTC" if input.time_zone is None else input.time_zone,
            now=context.now,
        )

    @strawberry.mutation(graphql_type=SignInResult)
    @staticmethod
    async def sign_in(info: Info, input: SignInInput) -> identity.Session:
        context = info.context
        async with _counting_failures(context, input.email):
            return await sign_in(
                context.stores.users,
                context.stores.sessions,
                context.hasher,
                email=input.email,
                password=input.password,
                now=context.now,
            )

    @strawberry.mutation(graphql_type=RefreshSessionResult, extensions=[Limited("mutations")])
    @staticmethod
    async def refresh_session(info: Info, refresh_token: str) -> identity.Session:
        context = info.context
        return await refresh_session(
            context.stores.users, context.stores.sessions, refresh_token=refresh_token, now=context.now
        )

    @strawberry.mutation(extensions=[Limited("mutations"), Requires(person)])
    @staticmethod
    async def sign_out(info: Info) -> bool:
        context = info.context
        if context.caller.session_id is None:
            raise Unauthenticated()
        await sign_out(context.stores.sessions, session_id=context.caller.session_id, now=context.now)
        return True

    @strawberry.mutation(graphql_type=RegisterDeviceResult, extensions=[Limited("mutations"), Requires(person)])
    @staticmethod
    async def register_device(info: Info, input: RegisterDeviceInput) -> identity.Device:
        context = info.context
        return await register_device(
            context.stores.users,
            user_id=context.user_id,
            client_id=input.client_id,
            platform=input.platform,
            push_token=input.push_token,
            now=context.now,
        )


@asynccontextmanager
async def _counting_failures(context: RequestContext, email: str) -> AsyncIterator[None]:
    """Counts each attempt before its password is tried, so that many at a time gain nothing, and forgives the rest.

    Whoever signs in rightly is never kept out by their own sign-ins.
    """
    attempts = [("failed_sign_ins", context.address), ("account_failures", comparable_email(email))]
    for limit, subject in attempts:
        await context.limits.count(limit, subject)
    try:
        yield
    except identity.InvalidCredentials:
        raise
    except BaseException:
        await _forgive(context, attempts)
        raise
    await _forgive(context, attempts)


async def _forgive(context: RequestContext, attempts: list[tuple[str, str]]) -> None:
    for limit, subject in attempts:
        await context.limits.forgive(limit, subject)
