"""The app's documents against the server's published schema."""

from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from mobile_stub.documents import document, operation_names

SCHEMA = Path(__file__).parents[2] / "schema" / "schema.graphql"


@pytest.fixture(scope="module")
def published() -> GraphQLSchema:
    return build_schema(SCHEMA.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", operation_names())
def test_is_valid(published: GraphQLSchema, name: str) -> None:
    assert validate(published, parse(document(name))) == []


def test_a_document_brings_the_fragments_of_its_fragments_once() -> None:
    text = document("FollowAccount")
    assert text.count("fragment AccountEventFields on") == 1
    assert text.count("fragment OrderFields on") == 1
    assert text.count("fragment BalanceFields on") == 1
    assert "SessionFields" not in text


def test_an_unknown_document_is_no_document() -> None:
    with pytest.raises(FileNotFoundError):
        document("RobTheBank")
