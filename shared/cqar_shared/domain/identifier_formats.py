"""The form and the check characters of identifiers that a standard defines. Pure.

Each function returns nothing for a valid text and raises `NotAnIdentifier` for any other; the
message names the character that is wrong and says what would be right. Nothing is corrected: an
identifier is stored as its source writes it.
"""

from __future__ import annotations

from typing import Final

_DIGITS: Final = "0123456789"
_UPPER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CONSONANTS: Final = "".join(letter for letter in _UPPER if letter not in "AEIOU")
_ALPHANUMERIC: Final = _DIGITS + _UPPER
#: ISO 24165: digits and consonants without Y. A character's place is its value.
_DTI_ALPHABET: Final = _DIGITS + _CONSONANTS.replace("Y", "")

#: Of OpenFIGI's allocation rules, section 6.1.2: with G behind it, each begins an ISIN.
FIGI_FORBIDDEN_PREFIXES: Final = ("BS", "BM", "GG", "GB", "GH", "KY", "VG")
#: Base -> check character of codes that were issued against the rule: of the 3,025 codes in the
#: registry's public file only Bitcoin's, where ISO 7064 computes T.
DTI_ISSUED_AGAINST_THE_RULE: Final = {"4H95J0R2": "X"}
#: ISO 10962:2021: category -> its groups.
CFI_GROUPS: Final = {
    "C": "IHBESFPM",
    "D": "BCWTYSEGANDM",
    "E": "SPCFLDYM",
    "F": "FC",
    "H": "RTECFM",
    "I": "FT",
    "J": "EFCRT",
    "K": "RTECFYM",
    "L": "LRS",
    "M": "CM",
    "O": "CPM",
    "R": "ASPWFDM",
    "S": "RTECFM",
    "T": "CTRIBDM",
}


class NotAnIdentifier(ValueError):
    """A text is no identifier of its standard; the message says why.

    Attributes:
        reason: NOT_AN_IDENTIFIER, or CHECK_CHARACTER where only the last character is wrong.
    """

    def __init__(self, message: str, reason: str = "NOT_AN_IDENTIFIER") -> None:
        super().__init__(message)
        self.reason = reason


def check_figi(text: str) -> None:
    """Check a Financial Instrument Global Identifier by the rules of OpenFIGI."""
    _require_length("a FIGI", text, 12)
    _require_characters(text, 0, 2, _CONSONANTS, "a FIGI has a consonant in upper case there")
    if text[:2] in FIGI_FORBIDDEN_PREFIXES:
        raise NotAnIdentifier(f"begins with {text[:2]}, which no FIGI does: ISINs do")
    _require_characters(text, 2, 3, "G", "every FIGI has G there")
    allowed = _DIGITS + _CONSONANTS
    _require_characters(
        text, 3, 11, allowed, "a FIGI has a digit or a consonant in upper case there"
    )
    _require_check(text, "digit", figi_check_digit(text[:11]))


def figi_check_digit(first: str) -> str:
    """Compute the check digit of a FIGI's first 11 characters: modulus 10, double-add-double.

    Letters count from A = 10; every second character's value is doubled, and the digits of all
    values are added.
    """
    total = 0
    for place, character in enumerate(first):
        value = _ALPHANUMERIC.index(character) * (1 + place % 2)
        total += value // 10 + value % 10
    return str(-total % 10)


def check_isin(text: str) -> None:
    """Check an International Securities Identification Number by ISO 6166."""
    _require_length("an ISIN", text, 12)
    _require_characters(text, 0, 2, _UPPER, "an ISIN begins with two letters in upper case")
    _require_characters(
        text, 2, 11, _ALPHANUMERIC, "an ISIN has a digit or an upper-case letter there"
    )
    _require_check(text, "digit", isin_check_digit(text[:11]))


def isin_check_digit(first: str) -> str:
    """Compute the check digit of an ISIN's first 11 characters: Luhn's, letters from A = 10."""
    digits = "".join(str(_ALPHANUMERIC.index(character)) for character in first)
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 - place % 2)
        total += value // 10 + value % 10
    return str(-total % 10)


def check_dti(text: str) -> None:
    """Check a Digital Token Identifier by ISO 24165."""
    _require_length("a DTI", text, 9)
    rule = "a DTI has digits and upper-case consonants without Y"
    _require_characters(text, 0, 9, _DTI_ALPHABET, rule)
    _require_characters(text, 0, 1, _DTI_ALPHABET[1:], "no DTI begins with 0")
    _require_check(text, "character", dti_check_character(text[:8]))


def dti_check_character(first: str) -> str:
    """Compute the check character of a DTI's first 8 characters: ISO 7064, hybrid MOD 31,30."""
    if issued := DTI_ISSUED_AGAINST_THE_RULE.get(first):
        return issued
    modulus = len(_DTI_ALPHABET)
    product = modulus
    for character in first:
        product = (product + _DTI_ALPHABET.index(character)) % modulus or modulus
        product = product * 2 % (modulus + 1)
    return _DTI_ALPHABET[(1 - product) % modulus]


def check_cfi(text: str) -> None:
    """Check a Classification of Financial Instruments by ISO 10962: its category and group."""
    _require_length("a CFI", text, 6)
    _require_characters(text, 0, 6, _UPPER, "a CFI is six letters in upper case")
    groups = CFI_GROUPS.get(text[0])
    if groups is None:
        known = ", ".join(CFI_GROUPS)
        raise NotAnIdentifier(f"character 1 is {text[0]!r}: the categories are {known}")
    if text[1] not in groups:
        known = ", ".join(sorted(groups))
        raise NotAnIdentifier(f"character 2 is {text[1]!r}: the groups of {text[0]} are {known}")


def check_mic(text: str) -> None:
    """Check a Market Identifier Code by ISO 10383."""
    _require_length("a MIC", text, 4)
    _require_characters(text, 0, 4, _ALPHANUMERIC, "a MIC is four digits or upper-case letters")


def _require_length(what: str, text: str, length: int) -> None:
    if len(text) != length:
        raise NotAnIdentifier(f"has {len(text)} characters; {what} has {length}")


def _require_characters(text: str, start: int, end: int, allowed: str, rule: str) -> None:
    for place in range(start, end):
        character = text[place]
        if character in allowed:
            continue
        upper = character.upper()
        hint = f"{upper!r} may be meant; {rule}" if upper in allowed else rule
        raise NotAnIdentifier(f"character {place + 1} is {character!r}: {hint}")


def _require_check(text: str, word: str, right: str) -> None:
    """Refuse a last character that is not the check character of those before it."""
    if text[-1] != right:
        raise NotAnIdentifier(
            f"its check {word} is {text[-1]!r}, and that of {text[:-1]} is {right!r}:"
            " one of its characters is wrong",
            "CHECK_CHARACTER",
        )
