"""What may be an e-mail address and what a password, and how two addresses are compared.

The address is checked simply: only a message that arrives proves one. Passwords have a length and a short list of the
commonest, no rules of composition (OWASP ASVS 5.0, 6.2).
"""

import unicodedata

from domain.errors import InvalidInput
from domain.identity.model import WeakPassword

EMAIL_MAX = 254
"""RFC 5321 section 4.5.3.1.3, less the angle brackets."""
PASSWORD_MIN = 8
PASSWORD_MAX = 1024

_COMMONEST = frozenset(
    """
    00000000 11111111 111111111 1111111111 11223344 112233445566 12121212 123123123 12341234 1234512345 12345678
    123456789 1234567890 123456789a 12345678910 123456abc 123qweasd 1a2b3c4d 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx
    1qazxsw2 66666666 87654321 88888888 987654321 9876543210 99999999 a1234567 a12345678 a123456789 aa123456 aa12345678
    aaaaaaaa abc12345 abcd1234 abcdefgh abcdefg1 administrator admin123 admin1234 asdasdasd asdf1234 asdfasdf asdfghjk
    asdfghjkl baseball basketball butterfly changeme changeme1 charlie1 chocolate computer corvette dragon123 elizabeth
    football football1 iloveyou iloveyou1 iloveyou2 internet jennifer jonathan letmein1 letmein123 liverpool login123
    master123 maverick mercedes michael1 michelle monkey123 mustang1 p@ssw0rd p@ssword pa55word pass1234 passw0rd
    password password! password1 password12 password123 password1234 princess princess1 q1w2e3r4 q1w2e3r4t5 qazwsxedc
    qwer1234 qwerasdf qwert123 qwerty12 qwerty123 qwerty1234 qwerty12345 qwertyui qwertyuiop samantha secret123
    starwars sunshine sunshine1 superman superman1 test1234 testtest trustno1 victoria wachtwoord welcome1 welcome123
    whatever woaini1314 woaini520 zaq12wsx zaq1zaq1 zxcvbnm1 zxcvbnm123 zxcvbnmm
    """.split()
)


def email_address(text: str) -> str:
    """The address without surrounding spaces; raises InvalidInput where it cannot be one."""
    address = text.strip()
    local, at, domain = address.partition("@")
    if len(address) > EMAIL_MAX:
        raise InvalidInput(f"An e-mail address has at most {EMAIL_MAX} characters.", field="email")
    if not local or not at or not domain or "@" in domain or any(map(_is_forbidden, address)):
        raise InvalidInput("This is not an e-mail address. Write it like name@example.org.", field="email")
    return address


def comparable_email(address: str) -> str:
    """What makes two addresses the same person's: letter case and Unicode composition do not matter."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", address.strip()).casefold())


def check_new_password(password: str, email: str) -> None:
    """Raises WeakPassword, which says what to do instead."""
    if len(password) < PASSWORD_MIN:
        raise WeakPassword(f"This password is too short. Use at least {PASSWORD_MIN} characters.")
    if not is_possible_password(password):
        raise WeakPassword(f"Use at most {PASSWORD_MAX} characters, all of them real ones.")
    plain = password.casefold()
    if plain in _COMMONEST or len(set(plain)) == 1:
        raise WeakPassword("This is one of the commonest passwords. Choose one that nobody would guess.")
    if plain.strip() == comparable_email(email):
        raise WeakPassword("The password is the e-mail address. Choose one that nobody would guess.")


def is_possible_password(password: str) -> bool:
    """False for what no account can have: too long, or not text (NUL, half a surrogate pair)."""
    return len(password) <= PASSWORD_MAX and not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in password)


def _is_forbidden(character: str) -> bool:
    """White space and Unicode's categories of control, format, surrogate, private and unassigned characters."""
    return character.isspace() or unicodedata.category(character).startswith("C")
