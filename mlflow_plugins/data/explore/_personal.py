"""Signs of personal data in a column's name and in some of its values."""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)*\.[A-Za-z]{2,}")
_PHONE = re.compile(
    r"(\+|00)\d[\d ()/.-]{6,18}\d"  # with the country
    r"|\(?0\d{1,4}\)?[ /-][\d -]{5,14}\d"  # with the area's 0
    r"|(\(\d{3}\) ?|\d{3}-)\d{3}-\d{4}"  # North America
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b")
_CARD = re.compile(r"\d(?:[ -]?\d){12,18}")

# Words of a column's name, in English and German.
_NAMES = {
    "an e-mail address": r"e[ _-]?mails?",
    "a phone number": r"phone|telephone|mobile|fax|telefon|handy",
    "a person's name": r"(first|last|middle|full|given|family|sur|user|maiden)[ _-]?name|surname|"
    r"vorname|nachname|benutzername",
    "an address": r"street|address|postcode|zip([ _-]?code)?|strasse|straße|anschrift|plz",
    "a date of birth": r"(date[ _-]?of[ _-]?)?birth([ _-]?(date|day))?|dob|geburts(datum|tag)",
    "an identity number": r"ssn|social[ _-]?security|passport|national[ _-]?id|tax[ _-]?id|"
    r"ausweis|steuer[ _-]?(id|nummer)|driv(er|ing)[ _-]?licen[cs]e",
    "a bank account": r"iban|account[ _-]?(number|no)|kontonummer",
    "a payment card": r"(credit[ _-]?)?card[ _-]?(number|no)|credit[ _-]?card|cvv|cvc",
    "an IP address": r"ip([ _-]?addr(ess)?)?",
}
_NAME_PATTERNS = {
    meaning: re.compile(rf"(?:^|[ _.-])(?:{words})(?:$|[ _.-])")
    for meaning, words in _NAMES.items()
}


def meaning_of_name(name: str) -> str | None:
    """Say what a column's name speaks of, if that is personal.

    Example:
        >>> meaning_of_name("customerEmail"), meaning_of_name("shipping_address")
        ('an e-mail address', 'an address')
        >>> meaning_of_name("ship") is None
        True
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return next((m for m, pattern in _NAME_PATTERNS.items() if pattern.search(words)), None)


def meaning_of_values(values: Sequence[str]) -> tuple[str, float] | None:
    """Say what values look like, if that is personal, and the share of them that do.

    How many must do so depends on how easily other values look the same: one e-mail address in a
    hundred texts is a sign, while one number in ten passes for a card's by its check digit.
    """
    if not values:
        return None
    for meaning, (test, least) in _TESTS.items():
        share = sum(map(test, values)) / len(values)
        if share >= least:
            return meaning, share
    return None


def passes_luhn(digits: str) -> bool:
    """Check the last digit of a card's number (ISO/IEC 7812-1, Luhn's algorithm).

    Example:
        >>> passes_luhn("4539578763621486"), passes_luhn("4539578763621487")
        (True, False)
    """
    total = 0
    for i, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if i % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def is_iban(text: str) -> bool:
    """Check an IBAN's check digits (ISO 13616: remainder 1 when divided by 97).

    Example:
        >>> is_iban("DE89 3704 0044 0532 0130 00"), is_iban("DE88 3704 0044 0532 0130 00")
        (True, False)
    """
    letters = text.replace(" ", "")
    if not 15 <= len(letters) <= 34:
        return False
    moved = letters[4:] + letters[:4]
    return int("".join(str(int(one, 36)) for one in moved)) % 97 == 1


def _has_email(text: str) -> bool:
    return "@" in text and _EMAIL.search(text) is not None


def _has_iban(text: str) -> bool:
    return any(is_iban(found) for found in _IBAN.findall(text))


def _is_card(text: str) -> bool:
    stripped = text.strip()
    if not _CARD.fullmatch(stripped):
        return False
    digits = re.sub(r"\D", "", stripped)
    return digits[0] in "3456" and passes_luhn(digits)


def _is_ip(text: str) -> bool:
    if text.count(".") != 3 and ":" not in text:
        return False
    try:
        ipaddress.ip_address(text.strip())
    except ValueError:
        return False
    return True


def _is_phone(text: str) -> bool:
    return _PHONE.fullmatch(text.strip()) is not None


_TESTS: Mapping[str, tuple[Callable[[str], bool], float]] = {
    "e-mail addresses": (_has_email, 0.01),
    "bank accounts (IBAN)": (_has_iban, 0.01),
    "payment card numbers": (_is_card, 0.5),
    "IP addresses": (_is_ip, 0.2),
    "phone numbers": (_is_phone, 0.2),
}
