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
    "Act": "GraphQLObjectType answer at kind operator sequence values",
    "ActConnection": "GraphQLObjectType edges pageInfo",
    "ActEdge": "GraphQLObjectType cursor node",
    "Activity": "adjustedBy adjusts choices reason sharedBy",
    "ActivityResolution": "CHOOSE CONFIRM DISCARD GraphQLEnumType",
    "Advice": (
        "GraphQLObjectType arithmetic assumption change kgPerUnitNow kgPerUnitThen now quantity saved savedWeekly "
        "then title unit weeks"
    ),
    "AssignMeterResult": "GraphQLUnionType Household InvalidInput NotFound",
    "CancelAllAfterPayload": "GraphQLObjectType cancelsAt",
    "CancelAllAfterResult": "CancelAllAfterPayload GraphQLUnionType InvalidInput Overloaded TooManyRequests",
    "CancelAllOrdersPayload": "GraphQLObjectType clientOrderIds count left",
    "CancelAllOrdersResult": "CancelAllOrdersPayload GraphQLUnionType InvalidInput Overloaded TooManyRequests",
    "CancelOrderOfResult": "GraphQLUnionType IdempotencyKeyReused InvalidInput Order OrderNotOpen Overloaded",
    "CancelOrderResult": "MarketClosed",
    "CreateHouseholdResult": "GraphQLUnionType Household InvalidInput",
    "CreateProgrammeInput": "basis makerFeeBasisPoints takerFeeBasisPoints",
    "DecideProposalResult": (
        "GraphQLUnionType IdempotencyKeyReused InvalidInput NotFound OrderLimitExceeded Overloaded Proposal "
        "ProposalNotOpen SecondOperatorNeeded"
    ),
    "DeviceSetting": "GraphQLObjectType name value",
    "EmissionBasis": "DIRECT GraphQLEnumType LIFECYCLE",
    "EmissionFactor": "notes scope uncertaintyHigh uncertaintyLow",
    "EmissionsRange": "GraphQLObjectType covered high low",
    "ExpectedFill": "GraphQLObjectType fee price quantity value",
    "Explanation": "emissionsHigh emissionsLow",
    "FootprintSummary": "range",
    "Forecast": "GraphQLObjectType coveragePercent expected high low",
    "Household": "GraphQLObjectType Node id inviteCode members meters name",
    "HouseholdMember": "GraphQLObjectType isViewer joinedOn",
    "HouseholdMeter": "GraphQLObjectType from isViewers meter",
    "ImportFormat": "GraphQLObjectType description docs fileKinds name",
    "Instrument": "opensAt phaseUntil sessionEnd sessionStart terms",
    "JSON": "GraphQLScalarType",
    "JoinHouseholdResult": "GraphQLUnionType Household InvalidInput NotFound",
    "LeaveHouseholdResult": "GraphQLUnionType Household NotFound",
    "LoadProfileInput": "GraphQLInputObjectType commodity direction intervalSeconds meter register start unit values",
    "MarketActResult": "GraphQLUnionType IdempotencyKeyReused Instrument InvalidInput NotFound Overloaded",
    "MeterCommodity": "ELECTRICITY GAS GraphQLEnumType WATER",
    "MeterDeviceKind": "GraphQLEnumType HOME_ASSISTANT SHELLY SHELLY_GEN1 TASMOTA ZIGBEE2MQTT",
    "MeterDirection": "EXPORT GraphQLEnumType IMPORT NET",
    "Mutation": (
        "assignMeter cancelAllAfter cancelAllOrders cancelOrderOf createHousehold decideProposal haltMarket "
        "joinHousehold leaveHousehold pairDevice placeOrders proposeReserve recordReadings replaceOrder "
        "resolveActivity resumeMarket setGoal setTradingTerms unpairDevice"
    ),
    "Mutation.assignMeter": "from meter",
    "Mutation.cancelAllAfter": "seconds",
    "Mutation.cancelAllOrders": "symbol",
    "Mutation.cancelOrderOf": "idempotencyKey orderId reason",
    "Mutation.createHousehold": "name",
    "Mutation.decideProposal": "approve idempotencyKey proposalId",
    "Mutation.haltMarket": "idempotencyKey reason symbol",
    "Mutation.joinHousehold": "code",
    "Mutation.pairDevice": "input",
    "Mutation.placeOrders": "inputs",
    "Mutation.proposeReserve": "idempotencyKey part price quantity symbol",
    "Mutation.recordReadings": "profiles",
    "Mutation.replaceOrder": "clientOrderId idempotencyKey price quantity",
    "Mutation.resolveActivity": "activity id resolution sharedBy",
    "Mutation.resumeMarket": "idempotencyKey symbol",
    "Mutation.setGoal": "weekly",
    "Mutation.setTradingTerms": "idempotencyKey symbol terms",
    "Mutation.unpairDevice": "id",
    "OrderBook": "trading",
    "OrderBookUpdate": "trading",
    "OrderPreview": (
        "GraphQLObjectType asset fee filledQuantity filledValue fills highestFee hold reason refusals "
        "remainingQuantity status value"
    ),
    "OrderRefusal": (
        "GraphQLUnionType InsufficientBalance InvalidInput MarketClosed OrderLimitExceeded PriceOutsideBand"
    ),
    "Outlook": "GraphQLObjectType forecast from soFar to",
    "Pace": "GraphQLObjectType dailyLeft daysLeft goal isOwnGoal left month text week",
    "PairDeviceInput": "GraphQLInputObjectType entity isWithinMeter kind name",
    "PairDeviceResult": "GraphQLUnionType InvalidInput NotFound PairedDevice TooManyRequests",
    "PairedDevice": "GraphQLObjectType id isWithinMeter kind lastHeardAt name pairedAt settings topic",
    "PlaceOrderInput": "selfTrade",
    "PlaceOrdersPayload": "GraphQLObjectType results",
    "PlaceOrdersResult": "GraphQLUnionType InvalidInput PlaceOrdersPayload TooManyRequests",
    "Programme": "basis",
    "Proposal": "GraphQLObjectType decidedAt decidedBy id part price proposedAt proposedBy quantity status symbol",
    "ProposalConnection": "GraphQLObjectType edges pageInfo",
    "ProposalEdge": "GraphQLObjectType cursor node",
    "ProposalNotOpen": "GraphQLObjectType UserError code message",
    "ProposalStatus": "APPROVED GraphQLEnumType OPEN REJECTED",
    "ProposeReserveResult": (
        "GraphQLUnionType IdempotencyKeyReused InvalidInput NotFound OrderLimitExceeded Overloaded Proposal"
    ),
    "Query": "importFormats operatorActs proposals",
    "Query.emissionFactors": "search",
    "Query.operatorActs": "after first",
    "Query.proposals": "after first",
    "RecordReadingsPayload": "GraphQLObjectType duplicate emissions imported rejected rejections",
    "RecordReadingsResult": "GraphQLUnionType InvalidInput NotFound RecordReadingsPayload TooManyRequests",
    "ReplaceOrderResult": (
        "GraphQLUnionType IdempotencyKeyReused InsufficientBalance InvalidInput MarketClosed NotFound Order "
        "OrderLimitExceeded OrderNotOpen Overloaded PriceOutsideBand TooManyRequests"
    ),
    "ReservePart": "CEILING FLOOR GraphQLEnumType TIER_1 TIER_2",
    "ResolveActivityResult": "Activity GraphQLUnionType InvalidInput NotFound",
    "SecondOperatorNeeded": "GraphQLObjectType UserError code message",
    "SelfTradePrevention": "CANCEL_BOTH CANCEL_NEWEST CANCEL_OLDEST DECREMENT_AND_CANCEL GraphQLEnumType",
    "SetGoalResult": "GraphQLUnionType InvalidInput Pace",
    "Trading": "GraphQLObjectType indicativePrice indicativeQuantity phase surplus",
    "TradingCalendar": "GraphQLObjectType holidays sessions timeZone",
    "TradingCalendarInput": "GraphQLInputObjectType holidays holidaysOf sessions timeZone",
    "TradingSession": "GraphQLObjectType closes collects opens weekday",
    "TradingSessionInput": "GraphQLInputObjectType closes collects opens weekday",
    "TradingTerms": (
        "GraphQLObjectType auctionSeconds band batchSeconds calendar freezeSeconds halt haltSeconds haltWindow "
        "holding largestOrder openOrders priceCeiling priceFloor smallestOrder"
    ),
    "TradingTermsInput": (
        "GraphQLInputObjectType auctionSeconds band batchSeconds calendar freezeSeconds halt haltSeconds "
        "haltWindow holding largestOrder lotSize openOrders priceCeiling priceFloor referencePrice smallestOrder "
        "tickSize"
    ),
    "Viewer": "advice household orderPreview pace pairedDevices",
    "Viewer.orderPreview": "input",
}
"""What the schema has beyond the contract: of each type its fields, values, members and, where it is new, its kind."""


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
    assert {promise[1:3] for promise in more} == {
        (owner, name) for owner, names in ADDED.items() for name in names.split()
    }


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
