import pytest

from domain.errors import InvalidInput
from domain.identity.credentials import check_new_password, comparable_email, email_address, is_possible_password
from domain.identity.model import WeakPassword

LONGEST = "a" * (254 - len("@example.org")) + "@example.org"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ada@example.org", "ada@example.org"),
        ("  Ada@Example.ORG\t", "Ada@Example.ORG"),
        ("a@b", "a@b"),
        ("o'brien+tag@xn--bcher-kva.example", "o'brien+tag@xn--bcher-kva.example"),
        ("张伟@例子.中国", "张伟@例子.中国"),
        (LONGEST, LONGEST),
    ],
)
def test_an_address_has_two_sides_and_one_at(text: str, address: str) -> None:
    assert email_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "ada",
        "@example.org",
        "ada@",
        "a@b@c",
        "a@@b",
        "a da@example.org",
        "ada@exam\nple.org",
        "ada\x00@example.org",
        "ada@example.org\x7f.",
        "ada\u202e@example.org",
        "ada\u200b@example.org",
        "ada\ud800@example.org",
        "a" + LONGEST,
    ],
)
def test_what_cannot_be_an_address_is_refused_by_field(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        email_address(text)
    assert refused.value.field == "email"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        (" ada@example.org ", "ada@example.org"),
        ("STRASSE@x", "straße@x"),
        ("caf\u00e9@x", "cafe\u0301@x"),
        ("\u0130@x", "i\u0307@x"),
    ],
)
def test_two_spellings_of_one_address_compare_equal(one: str, other: str) -> None:
    assert comparable_email(one) == comparable_email(other)


def test_different_addresses_stay_different() -> None:
    assert comparable_email("ada@example.org") != comparable_email("ada+1@example.org")


@pytest.mark.parametrize(
    "password", ["s3venty7", "correct horse battery staple", "пароль-надёжный", "x y" * 300, "😀🦊🐼🐙🐸🦁🐯🐵"]
)
def test_a_password_of_eight_characters_or_more_will_do(password: str) -> None:
    check_new_password(password, "ada@example.org")


@pytest.mark.parametrize(
    "password",
    [
        "",
        "seven77",
        "password",
        "PassWord",
        "12345678",
        "qwertyuiop",
        "zzzzzzzzzzzz",
        "ada@example.org",
        "ADA@Example.org",
        " ada@example.org ",
        "x" * 1024 + "y",
        "nul\x00inside it",
        "half \ud83d a pair",
    ],
)
def test_a_weak_password_is_told_what_to_do_instead(password: str) -> None:
    with pytest.raises(WeakPassword) as refused:
        check_new_password(password, "ada@example.org")
    assert any(advice in refused.value.message for advice in ("Use at", "Choose"))


def test_only_text_of_bounded_length_can_be_a_password() -> None:
    assert is_possible_password("x" * 1024)
    assert not is_possible_password("x" * 1025)
    assert not is_possible_password("\x00")
    assert not is_possible_password("\udfff")
