"""GraphQL documents that may be executed: parsed, within the limits and valid, each once.

What was accepted is remembered by its text, in a bounded memory; what was refused is not, and is cheap to refuse again.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    ValuesOfCorrectTypeRule,
    parse,
    specified_rules,
    validate,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from domain.errors import DomainError
from schema.document_limits import CHARACTERS_MAX, TOKENS_MAX, check_limits, refusal
from schema.errors import extensions_of

KEPT_CHARACTERS = 262_144
"""Of all documents together; a syntax tree takes a few hundred times the memory of its text."""
ERRORS_TOLD = 5

_SUGGESTION = re.compile(r" Did you mean .*?\?", re.DOTALL)


class InputValues(ValuesOfCorrectTypeRule):
    """Values that stand in the document itself are judged as values of variables are, and told apart from its form."""

    def report_error(self, error: GraphQLError) -> None:
        refused = error.original_error
        error.extensions = extensions_of(refused) if isinstance(refused, DomainError) else {"code": "BAD_USER_INPUT"}
        super().report_error(error)


RULES = (
    *(InputValues if rule is ValuesOfCorrectTypeRule else rule for rule in specified_rules),
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)


class DocumentRefused(Exception):
    """Each error has its code in `extensions`."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


def without_suggestion(message: str) -> str:
    """A message less the names that it proposes: graphql-core adds some though it was told to hide them."""
    return _SUGGESTION.sub("", message)


class Documents:
    """`introspection`: whether the schema may be asked about itself, and misspelt names get suggestions."""

    def __init__(self, schema: GraphQLSchema, introspection: bool) -> None:
        self._schema = schema
        self._introspection = introspection
        self._kept: OrderedDict[str, DocumentNode] = OrderedDict()
        self._kept_characters = 0

    def document(self, text: str) -> DocumentNode:
        """Raises DocumentRefused."""
        document = self._kept.get(text)
        if document is not None:
            self._kept.move_to_end(text)
            return document
        document = self._judged(text)
        self._keep(text, document)
        return document

    def _judged(self, text: str) -> DocumentNode:
        try:
            document = parse(
                text,
                max_tokens=TOKENS_MAX,
                max_source_length=CHARACTERS_MAX,
                max_comments=TOKENS_MAX,
                allow_empty_selection_sets=False,
            )
            check_limits(self._schema, document, self._introspection)
        except GraphQLSyntaxError as error:
            error.extensions = {"code": "DOCUMENT_REFUSED"}
            raise DocumentRefused([error]) from error
        except GraphQLError as error:
            raise DocumentRefused([error]) from error
        except RecursionError as error:
            raise DocumentRefused([refusal("This document is nested too deeply.")]) from error
        errors = validate(self._schema, document, RULES, ERRORS_TOLD, hide_suggestions=not self._introspection)
        if errors:
            for invalid in errors:
                invalid.extensions = invalid.extensions or {"code": "DOCUMENT_REFUSED"}
                if not self._introspection:
                    invalid.message = without_suggestion(invalid.message)
            raise DocumentRefused(errors)
        return document

    def _keep(self, text: str, document: DocumentNode) -> None:
        self._kept[text] = document
        self._kept_characters += len(text)
        while self._kept_characters > KEPT_CHARACTERS:
            forgotten, _ = self._kept.popitem(last=False)
            self._kept_characters -= len(forgotten)


class JudgedDocument(SchemaExtension):
    """Hands Strawberry the document that was judged, in place of parsing and validating it again.

    Whoever executes a text judges it first: what is refused here cannot be told in Strawberry's streams.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def on_operation(self) -> Iterator[None]:
        context: Any = self.execution_context
        context.graphql_document = self._documents.document(context.query)
        context.pre_execution_errors = []
        yield
