"""Personal data is found by names and by values, and not where there is none."""

import pytest

from mlflow_plugins.data.explore._personal import is_iban, meaning_of_name, meaning_of_values


@pytest.mark.parametrize(
    ("values", "meaning"),
    [
        (["ann@example.org", "write to bo.li+x@mail.example.co.uk please", "none"], "e-mail"),
        (["DE89370400440532013000", "GB82 WEST 1234 5698 7654 32"], "IBAN"),
        (["4111 1111 1111 1111", "5500-0000-0000-0004", "340000000000009"], "card"),
        (["10.0.0.1", "2001:db8::1", "192.168.1.254"], "IP addresses"),
        (["+49 30 901820", "0171/2345678", "(212) 555-0123"], "phone"),
    ],
)
def test_personal_values_are_found(values, meaning):
    found, share = meaning_of_values(values)
    assert meaning in found
    assert 0 < share <= 1


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["red", "green"],
        ["4111111111111112", "5500000000000005"],  # the check digit is wrong
        ["DE00370400440532013000"],
        ["12:30:00", "23:59:59"],
        ["1.2.3", "10.20.30.400"],
        ["2024-01-31", "12345", "3.14", "12-34-56"],
        ["user@host", "@name", "a@b"],
    ],
)
def test_other_values_are_left_alone(values):
    assert meaning_of_values(values) is None


PERSONAL = ["email", "E-Mail", "customerEmail", "first_name", "Phone Number", "zip", "client IP"]
OTHER = ["name_length_ratio", "ship", "zipper", "emailed", "age", "product name", "phoneme"]


@pytest.mark.parametrize("name", [*PERSONAL, "geburtsdatum", "iban", "card_number", "ssn"])
def test_personal_names_are_found(name):
    assert meaning_of_name(name) is not None


@pytest.mark.parametrize("name", OTHER)
def test_other_names_are_left_alone(name):
    assert meaning_of_name(name) is None


def test_iban_lengths_are_checked():
    assert not is_iban("DE89")
