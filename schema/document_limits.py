"""How much one GraphQL document may ask for, decided in one pass over it, before any other rule sees it.

Each fragment is measured once and remembered, so the work is linear in the document however often its fragments are
spread: the usual limiters follow every spread and take seconds on a few hundred bytes. `@skip` and `@include` are taken
as if they kept everything, and a page size given by a variable as the largest page.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_introspection_type,
    is_list_type,
    is_non_null_type,
)

TOKENS_MAX = 2_000
CHARACTERS_MAX = 32_768
DEPTH_MAX = 12
COST_MAX = 20_000
ALIASES_MAX = 10
FRAGMENTS_MAX = 50
OPERATIONS_MAX = 10
DIRECTIVES_MAX = 50
PAIRS_MAX = 2_500
"""Pairs of selections of one type under one name, which validation compares two by two: about 10 microseconds each."""
VALUE_DEPTH_MAX = 16
HOPS_MAX = 100
"""Fragments one within the other on one path."""

PAGE_MAX = 100
PAGE_DEFAULT = 20
UNPAGED_LIST = 10
"""What a list without a page size counts as."""

UNGUARDED = frozenset(
    {
        "signOut",
        "registerDevice",
        "recordActivities",
        "recordReadings",
        "pairDevice",
        "unpairDevice",
        "assignMeter",
        "resolveActivity",
        "joinProgramme",
        "createProgramme",
        "createOffer",
    }
)
"""Mutation fields of which an operation may have several; of all others together it has at most one."""


def refusal(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "DOCUMENT_REFUSED"})


def check_limits(schema: GraphQLSchema, document: DocumentNode, introspection: bool) -> None:
    """Raises a GraphQLError with a code where the document asks for more than these limits."""
    fragments = [node for node in document.definitions if isinstance(node, FragmentDefinitionNode)]
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) > OPERATIONS_MAX:
        raise refusal(f"A document has at most {OPERATIONS_MAX} operations.")
    if len(fragments) > FRAGMENTS_MAX:
        raise refusal(f"A document has at most {FRAGMENTS_MAX} fragments.")
    by_name = {fragment.name.value: fragment for fragment in fragments}
    if len(by_name) < len(fragments):
        raise refusal("Two fragments have one name.")
    survey = _Survey(schema, by_name, introspection)
    for name in by_name:
        survey.fragment(name, _Path())
    for operation in operations:
        survey.operation(operation)


@dataclass(frozen=True, slots=True)
class _Weight:
    """What a selection asks for: `flat` fields once, and `per_item` for each item of the page around it."""

    depth: int = 0
    flat: int = 0
    per_item: int = 0

    def cost(self, page: int) -> int:
        return self.flat + self.per_item * page


@dataclass(frozen=True, slots=True)
class _Path:
    """How far down the walk is, so that it ends before the stack does."""

    depth: int = 0
    hops: int = 0

    def into_field(self) -> "_Path":
        if self.depth >= DEPTH_MAX:
            raise refusal(f"This document is nested too deeply; at most {DEPTH_MAX} levels are answered.")
        return _Path(self.depth + 1, self.hops)

    def into_fragment(self) -> "_Path":
        if self.hops >= HOPS_MAX:
            raise refusal("The fragments of this document are nested too deeply.")
        return _Path(self.depth, self.hops + 1)


class _Survey:
    def __init__(
        self, schema: GraphQLSchema, fragments: dict[str, FragmentDefinitionNode], introspection: bool
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._introspection = introspection
        self._weights: dict[str, _Weight | None] = {}
        self._names: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._times: Counter[tuple[str, str]] = Counter()
        self._pairs = 0
        self._directives = 0

    def operation(self, node: OperationDefinitionNode) -> None:
        self._directives_of(node)
        for variable in node.variable_definitions or ():
            self._directives_of(variable)
            _check_value(variable.default_value)
        root = self._schema.get_root_type(node.operation)
        _check_weight(self._selections(node.selection_set, root, _Path()))
        if node.operation is OperationType.MUTATION:
            self._check_guarded(node.selection_set)

    def fragment(self, name: str, path: _Path) -> _Weight:
        """Each once; raises where fragments form a cycle. One that is missing weighs nothing: validation tells."""
        if name in self._weights:
            known = self._weights[name]
            if known is None:
                raise refusal("The fragments of this document form a cycle.")
            return known
        node = self._fragments.get(name)
        if node is None:
            return _Weight()
        self._weights[name] = None
        self._directives_of(node)
        weight = self._selections(node.selection_set, self._schema.get_type(node.type_condition.name.value), path)
        _check_weight(weight)
        self._weights[name] = weight
        return weight

    def _selections(self, node: SelectionSetNode, parent: GraphQLNamedType | None, path: _Path) -> _Weight:
        depth = flat = per_item = 0
        # An object is of one type: of the fragments on several object types only one counts.
        by_type: defaultdict[str, list[_Weight]] = defaultdict(list)
        for selection in node.selections:
            self._directives_of(selection)
            weight, condition = self._selection(selection, parent, path)
            depth = max(depth, weight.depth)
            if isinstance(condition, GraphQLObjectType) and condition is not parent:
                by_type[condition.name].append(weight)
            else:
                flat += weight.flat
                per_item += weight.per_item
        flat += max((sum(weight.flat for weight in weights) for weights in by_type.values()), default=0)
        per_item += max((sum(weight.per_item for weight in weights) for weights in by_type.values()), default=0)
        return _Weight(depth, flat, per_item)

    def _selection(
        self, node: SelectionNode, parent: GraphQLNamedType | None, path: _Path
    ) -> tuple[_Weight, GraphQLNamedType | None]:
        """The weight and the type that it is a selection of."""
        if isinstance(node, FieldNode):
            return self._field(node, parent, path), parent
        path = path.into_fragment()
        if isinstance(node, InlineFragmentNode):
            on = parent if node.type_condition is None else self._schema.get_type(node.type_condition.name.value)
            return self._selections(node.selection_set, on, path), on
        assert isinstance(node, FragmentSpreadNode)
        known = self._fragments.get(node.name.value)
        on = None if known is None else self._schema.get_type(known.type_condition.name.value)
        return self.fragment(node.name.value, path), on

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, path: _Path) -> _Weight:
        name = node.name.value
        path = path.into_field()
        for argument in node.arguments or ():
            _check_value(argument.value)
        if name in ("__schema", "__type"):
            if not self._introspection:
                raise refusal("This server does not describe itself. Its schema is published as a file.")
            return _Weight(1, 1)
        if self._introspection and parent is not None and is_introspection_type(parent):
            return _Weight(1, 1)
        self._count_name(node, parent)
        field = _definition(parent, name)
        inner = _Weight()
        if node.selection_set is not None:
            inner = self._selections(node.selection_set, None if field is None else get_named_type(field.type), path)
        return self._of_field(node, field, inner)

    def _of_field(self, node: FieldNode, field: GraphQLField | None, inner: _Weight) -> _Weight:
        depth = inner.depth + 1
        page = _page(node, field)
        if _is_list(field):
            if page is None and node.name.value == "edges":
                return _Weight(depth, 0, 1 + inner.cost(UNPAGED_LIST))
            return _Weight(depth, 1 + (UNPAGED_LIST if page is None else page) * inner.cost(PAGE_DEFAULT))
        return _Weight(depth, 1 + inner.cost(PAGE_DEFAULT if page is None else page))

    def _count_name(self, node: FieldNode, parent: GraphQLNamedType | None) -> None:
        type_name = parent.name if parent else ""
        shown = node.alias.value if node.alias else node.name.value
        names = self._names[type_name, node.name.value]
        names.add(shown)
        if len(names) > ALIASES_MAX:
            raise refusal(f"One field has at most {ALIASES_MAX} names in a document.")
        self._pairs += self._times[type_name, shown]
        self._times[type_name, shown] += 1
        if self._pairs > PAIRS_MAX:
            raise refusal("This document selects the same fields too often.")

    def _directives_of(self, node: object) -> None:
        for directive in getattr(node, "directives", None) or ():
            self._directives += 1
            if self._directives > DIRECTIVES_MAX:
                raise refusal(f"A document has at most {DIRECTIVES_MAX} directives.")
            for argument in directive.arguments or ():
                _check_value(argument.value)

    def _check_guarded(self, node: SelectionSetNode) -> None:
        """Passwords, codes and money are tried one at a time, so that each try is one that the limits count."""
        guarded: set[str] = set()
        seen: set[str] = set()
        waiting = [node]
        while waiting:
            for selection in waiting.pop().selections:
                if isinstance(selection, FieldNode):
                    if selection.name.value not in UNGUARDED and selection.name.value != "__typename":
                        guarded.add(selection.alias.value if selection.alias else selection.name.value)
                elif isinstance(selection, InlineFragmentNode):
                    waiting.append(selection.selection_set)
                elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                    seen.add(selection.name.value)
                    spread = self._fragments.get(selection.name.value)
                    waiting.extend([spread.selection_set] if spread else [])
        if len(guarded) > 1:
            raise refusal("An operation has at most one mutation of this kind. Send them one by one.")


def _definition(parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    fields = parent.fields if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else {}
    return fields.get(name)


def _check_weight(weight: _Weight) -> None:
    if weight.depth > DEPTH_MAX:
        raise refusal(f"This document is nested too deeply; at most {DEPTH_MAX} levels are answered.")
    if weight.cost(PAGE_DEFAULT) > COST_MAX:
        raise refusal(f"This document asks for more than {COST_MAX} fields. Ask for smaller pages.")


def _is_list(field: GraphQLField | None) -> bool:
    if field is None:
        return False
    return is_list_type(field.type.of_type if is_non_null_type(field.type) else field.type)


def _page(node: FieldNode, field: GraphQLField | None) -> int | None:
    """Items that the field's `first` asks for, None where it has none. Too many are its resolver's to refuse."""
    if field is None or "first" not in field.args:
        return None
    for argument in node.arguments or ():
        if argument.name.value == "first":
            if isinstance(argument.value, IntValueNode) and len(argument.value.value) < 10:
                return max(0, min(int(argument.value.value), PAGE_MAX))
            return PAGE_MAX
    default = field.args["first"].default_value
    return default if isinstance(default, int) else PAGE_DEFAULT


def _check_value(node: ValueNode | None) -> None:
    """Text in a document is as text in variables: no NUL. Lone surrogates are refused by the parser."""
    waiting = [(node, 1)] if node is not None and not isinstance(node, VariableNode) else []
    while waiting:
        value, depth = waiting.pop()
        if depth > VALUE_DEPTH_MAX:
            raise refusal(f"A value in a document is nested at most {VALUE_DEPTH_MAX} levels deep.")
        if isinstance(value, StringValueNode) and "\0" in value.value:
            raise GraphQLError("Text has no NUL characters.", extensions={"code": "BAD_USER_INPUT"})
        if isinstance(value, ListValueNode):
            waiting.extend((item, depth + 1) for item in value.values)
        elif isinstance(value, ObjectValueNode):
            waiting.extend((field.value, depth + 1) for field in value.fields)
