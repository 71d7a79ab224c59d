"""The exported SDL is what the code says, and it holds everything that was promised to clients."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    is_specified_scalar_type,
    print_ast,
)
from graphql.utilities.get_default_value_ast import get_default_value_ast

from schema.root import schema

EXPORTED = Path(__file__).parents[2] / "schema" / "schema.graphql"
CONTRACT = Path(__file__).with_name("contract.graphql")

ADDED = {
    ("DeviceSetting", "GraphQLObjectType"),
    ("DeviceSetting", "name"),
    ("DeviceSetting", "value"),
    ("MeterDeviceKind", "GraphQLEnumType"),
    ("MeterDeviceKind", "HOME_ASSISTANT"),
    ("MeterDeviceKind", "SHELLY"),
    ("MeterDeviceKind", "SHELLY_GEN1"),
    ("MeterDeviceKind", "TASMOTA"),
    ("MeterDeviceKind", "ZIGBEE2MQTT"),
    ("Mutation", "pairDevice"),
    ("Mutation.pairDevice", "input"),
    ("Mutation", "unpairDevice"),
    ("Mutation.unpairDevice", "id"),
    ("PairDeviceInput", "GraphQLInputObjectType"),
    ("PairDeviceInput", "entity"),
    ("PairDeviceInput", "isWithinMeter"),
    ("PairDeviceInput", "kind"),
    ("PairDeviceInput", "name"),
    ("PairDeviceResult", "GraphQLUnionType"),
    ("PairDeviceResult", "InvalidInput"),
    ("PairDeviceResult", "NotFound"),
    ("PairDeviceResult", "PairedDevice"),
    ("PairDeviceResult", "TooManyRequests"),
    ("PairedDevice", "GraphQLObjectType"),
    ("PairedDevice", "id"),
    ("PairedDevice", "isWithinMeter"),
    ("PairedDevice", "kind"),
    ("PairedDevice", "lastHeardAt"),
    ("PairedDevice", "name"),
    ("PairedDevice", "pairedAt"),
    ("PairedDevice", "settings"),
    ("PairedDevice", "topic"),
    ("Viewer", "pairedDevices"),
    ("Act", "GraphQLObjectType"),
    ("Act", "answer"),
    ("Act", "at"),
    ("Act", "kind"),
    ("Act", "operator"),
    ("Act", "sequence"),
    ("Act", "values"),
    ("ActConnection", "GraphQLObjectType"),
    ("ActConnection", "edges"),
    ("ActConnection", "pageInfo"),
    ("ActEdge", "GraphQLObjectType"),
    ("ActEdge", "cursor"),
    ("ActEdge", "node"),
    ("Activity", "adjustedBy"),
    ("Activity", "adjusts"),
    ("Activity", "choices"),
    ("Activity", "reason"),
    ("Activity", "sharedBy"),
    ("ActivityResolution", "CHOOSE"),
    ("ActivityResolution", "CONFIRM"),
    ("ActivityResolution", "DISCARD"),
    ("ActivityResolution", "GraphQLEnumType"),
    ("Advice", "GraphQLObjectType"),
    ("Advice", "arithmetic"),
    ("Advice", "assumption"),
    ("Advice", "change"),
    ("Advice", "kgPerUnitNow"),
    ("Advice", "kgPerUnitThen"),
    ("Advice", "now"),
    ("Advice", "quantity"),
    ("Advice", "saved"),
    ("Advice", "savedWeekly"),
    ("Advice", "then"),
    ("Advice", "title"),
    ("Advice", "unit"),
    ("Advice", "weeks"),
    ("CancelAllAfterPayload", "GraphQLObjectType"),
    ("CancelAllAfterPayload", "cancelsAt"),
    ("CancelAllAfterResult", "CancelAllAfterPayload"),
    ("CancelAllAfterResult", "GraphQLUnionType"),
    ("CancelAllAfterResult", "InvalidInput"),
    ("CancelAllAfterResult", "Overloaded"),
    ("CancelAllAfterResult", "TooManyRequests"),
    ("CancelAllOrdersPayload", "GraphQLObjectType"),
    ("CancelAllOrdersPayload", "clientOrderIds"),
    ("CancelAllOrdersPayload", "count"),
    ("CancelAllOrdersPayload", "left"),
    ("CancelAllOrdersResult", "CancelAllOrdersPayload"),
    ("CancelAllOrdersResult", "GraphQLUnionType"),
    ("CancelAllOrdersResult", "InvalidInput"),
    ("CancelAllOrdersResult", "Overloaded"),
    ("CancelAllOrdersResult", "TooManyRequests"),
    ("CancelOrderOfResult", "GraphQLUnionType"),
    ("CancelOrderOfResult", "IdempotencyKeyReused"),
    ("CancelOrderOfResult", "InvalidInput"),
    ("CancelOrderOfResult", "Order"),
    ("CancelOrderOfResult", "OrderNotOpen"),
    ("CancelOrderOfResult", "Overloaded"),
    ("CancelOrderResult", "MarketClosed"),
    ("CreateProgrammeInput", "basis"),
    ("CreateProgrammeInput", "makerFeeBasisPoints"),
    ("CreateProgrammeInput", "takerFeeBasisPoints"),
    ("DecideProposalResult", "GraphQLUnionType"),
    ("DecideProposalResult", "IdempotencyKeyReused"),
    ("DecideProposalResult", "InvalidInput"),
    ("DecideProposalResult", "NotFound"),
    ("DecideProposalResult", "Overloaded"),
    ("DecideProposalResult", "Proposal"),
    ("DecideProposalResult", "ProposalNotOpen"),
    ("DecideProposalResult", "SecondOperatorNeeded"),
    ("EmissionBasis", "DIRECT"),
    ("EmissionBasis", "GraphQLEnumType"),
    ("EmissionBasis", "LIFECYCLE"),
    ("EmissionFactor", "notes"),
    ("EmissionFactor", "scope"),
    ("EmissionFactor", "uncertaintyHigh"),
    ("EmissionFactor", "uncertaintyLow"),
    ("EmissionsRange", "GraphQLObjectType"),
    ("EmissionsRange", "covered"),
    ("EmissionsRange", "high"),
    ("EmissionsRange", "low"),
    ("ExpectedFill", "GraphQLObjectType"),
    ("ExpectedFill", "fee"),
    ("ExpectedFill", "price"),
    ("ExpectedFill", "quantity"),
    ("ExpectedFill", "value"),
    ("Explanation", "emissionsHigh"),
    ("Explanation", "emissionsLow"),
    ("FootprintSummary", "range"),
    ("Forecast", "GraphQLObjectType"),
    ("Forecast", "coveragePercent"),
    ("Forecast", "expected"),
    ("Forecast", "high"),
    ("Forecast", "low"),
    ("ImportFormat", "GraphQLObjectType"),
    ("ImportFormat", "description"),
    ("ImportFormat", "docs"),
    ("ImportFormat", "fileKinds"),
    ("ImportFormat", "name"),
    ("Instrument", "opensAt"),
    ("Instrument", "phaseUntil"),
    ("Instrument", "sessionEnd"),
    ("Instrument", "sessionStart"),
    ("Instrument", "terms"),
    ("JSON", "GraphQLScalarType"),
    ("LoadProfileInput", "GraphQLInputObjectType"),
    ("LoadProfileInput", "commodity"),
    ("LoadProfileInput", "direction"),
    ("LoadProfileInput", "intervalSeconds"),
    ("LoadProfileInput", "meter"),
    ("LoadProfileInput", "register"),
    ("LoadProfileInput", "start"),
    ("LoadProfileInput", "unit"),
    ("LoadProfileInput", "values"),
    ("MarketActResult", "GraphQLUnionType"),
    ("MarketActResult", "IdempotencyKeyReused"),
    ("MarketActResult", "Instrument"),
    ("MarketActResult", "InvalidInput"),
    ("MarketActResult", "NotFound"),
    ("MarketActResult", "Overloaded"),
    ("MeterCommodity", "ELECTRICITY"),
    ("MeterCommodity", "GAS"),
    ("MeterCommodity", "GraphQLEnumType"),
    ("MeterCommodity", "WATER"),
    ("MeterDirection", "EXPORT"),
    ("MeterDirection", "GraphQLEnumType"),
    ("MeterDirection", "IMPORT"),
    ("MeterDirection", "NET"),
    ("Mutation", "cancelAllAfter"),
    ("Mutation", "cancelAllOrders"),
    ("Mutation", "cancelOrderOf"),
    ("Mutation", "decideProposal"),
    ("Mutation", "haltMarket"),
    ("Mutation", "placeOrders"),
    ("Mutation", "proposeReserve"),
    ("Mutation", "recordReadings"),
    ("Mutation", "replaceOrder"),
    ("Mutation", "resolveActivity"),
    ("Mutation", "resumeMarket"),
    ("Mutation", "setGoal"),
    ("Mutation", "setTradingTerms"),
    ("Mutation.cancelAllAfter", "seconds"),
    ("Mutation.cancelAllOrders", "symbol"),
    ("Mutation.cancelOrderOf", "idempotencyKey"),
    ("Mutation.cancelOrderOf", "orderId"),
    ("Mutation.cancelOrderOf", "reason"),
    ("Mutation.decideProposal", "approve"),
    ("Mutation.decideProposal", "idempotencyKey"),
    ("Mutation.decideProposal", "proposalId"),
    ("Mutation.haltMarket", "idempotencyKey"),
    ("Mutation.haltMarket", "reason"),
    ("Mutation.haltMarket", "symbol"),
    ("Mutation.placeOrders", "inputs"),
    ("Mutation.proposeReserve", "idempotencyKey"),
    ("Mutation.proposeReserve", "part"),
    ("Mutation.proposeReserve", "price"),
    ("Mutation.proposeReserve", "quantity"),
    ("Mutation.proposeReserve", "symbol"),
    ("Mutation.recordReadings", "profiles"),
    ("Mutation.replaceOrder", "clientOrderId"),
    ("Mutation.replaceOrder", "idempotencyKey"),
    ("Mutation.replaceOrder", "price"),
    ("Mutation.replaceOrder", "quantity"),
    ("Mutation.resolveActivity", "activity"),
    ("Mutation.resolveActivity", "id"),
    ("Mutation.resolveActivity", "resolution"),
    ("Mutation.resolveActivity", "sharedBy"),
    ("Mutation.resumeMarket", "idempotencyKey"),
    ("Mutation.resumeMarket", "symbol"),
    ("Mutation.setGoal", "weekly"),
    ("Mutation.setTradingTerms", "idempotencyKey"),
    ("Mutation.setTradingTerms", "symbol"),
    ("Mutation.setTradingTerms", "terms"),
    ("OrderBook", "trading"),
    ("OrderBookUpdate", "trading"),
    ("OrderPreview", "GraphQLObjectType"),
    ("OrderPreview", "asset"),
    ("OrderPreview", "fee"),
    ("OrderPreview", "filledQuantity"),
    ("OrderPreview", "filledValue"),
    ("OrderPreview", "fills"),
    ("OrderPreview", "highestFee"),
    ("OrderPreview", "hold"),
    ("OrderPreview", "reason"),
    ("OrderPreview", "refusals"),
    ("OrderPreview", "remainingQuantity"),
    ("OrderPreview", "status"),
    ("OrderPreview", "value"),
    ("OrderRefusal", "GraphQLUnionType"),
    ("OrderRefusal", "InsufficientBalance"),
    ("OrderRefusal", "InvalidInput"),
    ("OrderRefusal", "MarketClosed"),
    ("OrderRefusal", "OrderLimitExceeded"),
    ("OrderRefusal", "PriceOutsideBand"),
    ("Outlook", "GraphQLObjectType"),
    ("Outlook", "forecast"),
    ("Outlook", "from"),
    ("Outlook", "soFar"),
    ("Outlook", "to"),
    ("Pace", "GraphQLObjectType"),
    ("Pace", "dailyLeft"),
    ("Pace", "daysLeft"),
    ("Pace", "goal"),
    ("Pace", "isOwnGoal"),
    ("Pace", "left"),
    ("Pace", "month"),
    ("Pace", "text"),
    ("Pace", "week"),
    ("PlaceOrderInput", "selfTrade"),
    ("PlaceOrdersPayload", "GraphQLObjectType"),
    ("PlaceOrdersPayload", "results"),
    ("PlaceOrdersResult", "GraphQLUnionType"),
    ("PlaceOrdersResult", "InvalidInput"),
    ("PlaceOrdersResult", "PlaceOrdersPayload"),
    ("PlaceOrdersResult", "TooManyRequests"),
    ("Programme", "basis"),
    ("Proposal", "GraphQLObjectType"),
    ("Proposal", "decidedAt"),
    ("Proposal", "decidedBy"),
    ("Proposal", "id"),
    ("Proposal", "part"),
    ("Proposal", "price"),
    ("Proposal", "proposedAt"),
    ("Proposal", "proposedBy"),
    ("Proposal", "quantity"),
    ("Proposal", "status"),
    ("Proposal", "symbol"),
    ("ProposalConnection", "GraphQLObjectType"),
    ("ProposalConnection", "edges"),
    ("ProposalConnection", "pageInfo"),
    ("ProposalEdge", "GraphQLObjectType"),
    ("ProposalEdge", "cursor"),
    ("ProposalEdge", "node"),
    ("ProposalNotOpen", "GraphQLObjectType"),
    ("ProposalNotOpen", "UserError"),
    ("ProposalNotOpen", "code"),
    ("ProposalNotOpen", "message"),
    ("ProposalStatus", "APPROVED"),
    ("ProposalStatus", "GraphQLEnumType"),
    ("ProposalStatus", "OPEN"),
    ("ProposalStatus", "REJECTED"),
    ("ProposeReserveResult", "GraphQLUnionType"),
    ("ProposeReserveResult", "IdempotencyKeyReused"),
    ("ProposeReserveResult", "InvalidInput"),
    ("ProposeReserveResult", "NotFound"),
    ("ProposeReserveResult", "Overloaded"),
    ("ProposeReserveResult", "Proposal"),
    ("Query", "importFormats"),
    ("Query", "operatorActs"),
    ("Query", "proposals"),
    ("Query.emissionFactors", "search"),
    ("Query.operatorActs", "after"),
    ("Query.operatorActs", "first"),
    ("Query.proposals", "after"),
    ("Query.proposals", "first"),
    ("RecordReadingsPayload", "GraphQLObjectType"),
    ("RecordReadingsPayload", "duplicate"),
    ("RecordReadingsPayload", "emissions"),
    ("RecordReadingsPayload", "imported"),
    ("RecordReadingsPayload", "rejected"),
    ("RecordReadingsPayload", "rejections"),
    ("RecordReadingsResult", "GraphQLUnionType"),
    ("RecordReadingsResult", "InvalidInput"),
    ("RecordReadingsResult", "NotFound"),
    ("RecordReadingsResult", "RecordReadingsPayload"),
    ("RecordReadingsResult", "TooManyRequests"),
    ("ReplaceOrderResult", "GraphQLUnionType"),
    ("ReplaceOrderResult", "IdempotencyKeyReused"),
    ("ReplaceOrderResult", "InsufficientBalance"),
    ("ReplaceOrderResult", "InvalidInput"),
    ("ReplaceOrderResult", "MarketClosed"),
    ("ReplaceOrderResult", "NotFound"),
    ("ReplaceOrderResult", "Order"),
    ("ReplaceOrderResult", "OrderLimitExceeded"),
    ("ReplaceOrderResult", "OrderNotOpen"),
    ("ReplaceOrderResult", "Overloaded"),
    ("ReplaceOrderResult", "PriceOutsideBand"),
    ("ReplaceOrderResult", "TooManyRequests"),
    ("ReservePart", "CEILING"),
    ("ReservePart", "FLOOR"),
    ("ReservePart", "GraphQLEnumType"),
    ("ReservePart", "TIER_1"),
    ("ReservePart", "TIER_2"),
    ("ResolveActivityResult", "Activity"),
    ("ResolveActivityResult", "GraphQLUnionType"),
    ("ResolveActivityResult", "InvalidInput"),
    ("ResolveActivityResult", "NotFound"),
    ("SecondOperatorNeeded", "GraphQLObjectType"),
    ("SecondOperatorNeeded", "UserError"),
    ("SecondOperatorNeeded", "code"),
    ("SecondOperatorNeeded", "message"),
    ("SelfTradePrevention", "CANCEL_BOTH"),
    ("SelfTradePrevention", "CANCEL_NEWEST"),
    ("SelfTradePrevention", "CANCEL_OLDEST"),
    ("SelfTradePrevention", "DECREMENT_AND_CANCEL"),
    ("SelfTradePrevention", "GraphQLEnumType"),
    ("SetGoalResult", "GraphQLUnionType"),
    ("SetGoalResult", "InvalidInput"),
    ("SetGoalResult", "Pace"),
    ("Trading", "GraphQLObjectType"),
    ("Trading", "indicativePrice"),
    ("Trading", "indicativeQuantity"),
    ("Trading", "phase"),
    ("Trading", "surplus"),
    ("TradingCalendar", "GraphQLObjectType"),
    ("TradingCalendar", "holidays"),
    ("TradingCalendar", "sessions"),
    ("TradingCalendar", "timeZone"),
    ("TradingCalendarInput", "GraphQLInputObjectType"),
    ("TradingCalendarInput", "holidays"),
    ("TradingCalendarInput", "holidaysOf"),
    ("TradingCalendarInput", "sessions"),
    ("TradingCalendarInput", "timeZone"),
    ("TradingSession", "GraphQLObjectType"),
    ("TradingSession", "closes"),
    ("TradingSession", "collects"),
    ("TradingSession", "opens"),
    ("TradingSession", "weekday"),
    ("TradingSessionInput", "GraphQLInputObjectType"),
    ("TradingSessionInput", "closes"),
    ("TradingSessionInput", "collects"),
    ("TradingSessionInput", "opens"),
    ("TradingSessionInput", "weekday"),
    ("TradingTerms", "GraphQLObjectType"),
    ("TradingTerms", "auctionSeconds"),
    ("TradingTerms", "band"),
    ("TradingTerms", "batchSeconds"),
    ("TradingTerms", "calendar"),
    ("TradingTerms", "freezeSeconds"),
    ("TradingTerms", "halt"),
    ("TradingTerms", "haltSeconds"),
    ("TradingTerms", "haltWindow"),
    ("TradingTerms", "holding"),
    ("TradingTerms", "largestOrder"),
    ("TradingTerms", "openOrders"),
    ("TradingTerms", "priceCeiling"),
    ("TradingTerms", "priceFloor"),
    ("TradingTerms", "smallestOrder"),
    ("TradingTermsInput", "GraphQLInputObjectType"),
    ("TradingTermsInput", "auctionSeconds"),
    ("TradingTermsInput", "band"),
    ("TradingTermsInput", "batchSeconds"),
    ("TradingTermsInput", "calendar"),
    ("TradingTermsInput", "freezeSeconds"),
    ("TradingTermsInput", "halt"),
    ("TradingTermsInput", "haltSeconds"),
    ("TradingTermsInput", "haltWindow"),
    ("TradingTermsInput", "holding"),
    ("TradingTermsInput", "largestOrder"),
    ("TradingTermsInput", "lotSize"),
    ("TradingTermsInput", "openOrders"),
    ("TradingTermsInput", "priceCeiling"),
    ("TradingTermsInput", "priceFloor"),
    ("TradingTermsInput", "referencePrice"),
    ("TradingTermsInput", "smallestOrder"),
    ("TradingTermsInput", "tickSize"),
    ("Viewer", "advice"),
    ("Viewer", "orderPreview"),
    ("Viewer", "pace"),
    ("Viewer.orderPreview", "input"),
}


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return build_schema(CONTRACT.read_text())


@pytest.fixture(scope="module")
def exported() -> GraphQLSchema:
    return build_schema(EXPORTED.read_text())


def test_the_exported_schema_is_up_to_date() -> None:
    assert EXPORTED.read_text() == schema.as_str() + "\n"


def test_every_promise_is_kept(contract: GraphQLSchema, exported: GraphQLSchema) -> None:
    assert promises(contract) - promises(exported) == set()


def test_nothing_is_said_that_was_not_promised_or_added_on_purpose(
    contract: GraphQLSchema, exported: GraphQLSchema
) -> None:
    more = promises(exported) - promises(contract)
    assert {promise[1:3] for promise in more} == ADDED


def test_what_the_contract_explains_is_explained_in_its_words(contract: GraphQLSchema, exported: GraphQLSchema) -> None:
    promised, said = descriptions(contract), descriptions(exported)

    assert {path: said.get(path) for path in promised} == promised


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('locale: String = "en"', "locale: String"),
        ("  signOut: Boolean!", "  signOut: Boolean"),
        ("ticker(symbols: [String!]!): Ticker!", "ticker(symbols: [String!]): Ticker!"),
        ("first: Int = 20", "first: Int = 21"),
        ("union SignInResult = Session | InvalidCredentials | TooManyRequests", "union SignInResult = Session"),
        ("enum Liquidity {\n  MAKER\n", "enum Liquidity {\n"),
        ("type Device implements Node {", "type Device {"),
        ("  checksum: String!\n", ""),
    ],
)
def test_a_broken_promise_is_noticed(contract: GraphQLSchema, old: str, new: str) -> None:
    sdl = EXPORTED.read_text()
    assert old in sdl

    broken = build_schema(sdl.replace(old, new))

    assert promises(contract) - promises(broken) != set()


def promises(of: GraphQLSchema) -> set[tuple[str, ...]]:
    """Every type, field, argument with type and default, enum value, union member and interface."""
    found: set[tuple[str, ...]] = set()
    for name, named in of.type_map.items():
        if not name.startswith("__"):
            found.add(("type", name, type(named).__name__))
            found |= _parts(name, named)
    return found


def _parts(name: str, named: GraphQLNamedType) -> set[tuple[str, ...]]:
    if isinstance(named, GraphQLEnumType):
        return {("value", name, value) for value in named.values}
    if isinstance(named, GraphQLUnionType):
        return {("member", name, member.name) for member in named.types}
    if isinstance(named, GraphQLInputObjectType):
        return {_input(name, key, field) for key, field in named.fields.items()}
    if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
        interfaces = {("implements", name, interface.name) for interface in named.interfaces}
        fields = {("field", name, key, str(field.type)) for key, field in named.fields.items()}
        return interfaces | fields | {_input(*argument) for argument in _arguments(name, named)}
    return set()


def _arguments(
    name: str, named: GraphQLObjectType | GraphQLInterfaceType
) -> Iterator[tuple[str, str, GraphQLArgument]]:
    for key, field in named.fields.items():
        for argument_name, argument in field.args.items():
            yield f"{name}.{key}", argument_name, argument


def _input(owner: str, name: str, value: GraphQLArgument | GraphQLInputField) -> tuple[str, ...]:
    default = get_default_value_ast(value)
    return ("input", owner, name, str(value.type), "" if default is None else print_ast(default))


def descriptions(of: GraphQLSchema) -> dict[str, str]:
    """What types and their fields say about themselves, without regard to line breaks."""
    found = {}
    for name, named in of.type_map.items():
        if not name.startswith("__") and not is_specified_scalar_type(named):
            found[name] = named.description
            for key, field in getattr(named, "fields", {}).items():
                found[f"{name}.{key}"] = field.description
    return {path: " ".join(text.split()) for path, text in found.items() if text}
