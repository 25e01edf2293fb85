"""Encodings, separators and headers are told from what is there."""

import csv
import io

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.data.importing import sniff

GERMAN = "Straße,Größe,Käufer\nMüller,12,über der Brücke\nJörg,7,schöne Grüße aus Köln\n"
FRENCH = "prénom,ville\nRené,Besançon\nHélène,Orléans où l'été s'achève\n"
POLISH = "imię,miasto\nŁukasz,Łódź\nZażółć gęślą jaźń,Kraków wśród pól\n"
RUSSIAN = "имя,город\nАлексей,Санкт-Петербург на Неве\nМария,Москва и Подмосковье\n"  # noqa: RUF001
JAPANESE = "名前,都市\n山田太郎,東京都千代田区\n鈴木花子,大阪府大阪市\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "utf-32"),
        (GERMAN, "cp1252"),
        (FRENCH, "cp1252"),
        (RUSSIAN, "cp1251"),
        (JAPANESE, "cp932"),
        (POLISH, "cp1250"),
        ("a,b\n1,2\n", "ascii"),
    ],
)
def test_the_letters_come_out_right(tmp_path, text, encoding):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    assert path.read_bytes().decode(sniff(path).encoding).lstrip("\ufeff") == text


def test_a_letter_late_in_a_long_file_counts(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n" + b"1,plain\n" * 300_000 + GERMAN.encode("cp1252"))
    assert sniff(path).encoding == "cp1252"


@pytest.mark.parametrize(
    ("text", "delimiter", "has_header"),
    [
        ("a,b\n1,2\n", ",", True),
        ("a;b\n1,5;2,5\n", ";", True),
        ("a\tb c\n1,2,3\tx\n", "\t", True),
        ("a|b\n1|2\n", "|", True),
        ("only\n1\n2\n", ",", True),
        ('"a, b";c\n"1, 2";3\n', ";", True),
        ("1,2\n3,4\n", ",", False),
        ("2024-01-01;5\n2024-01-02;6\n", ";", False),
        ("x,1\ny,2\n", ",", False),
        ("name,city\nAnna,Rome\n", ",", True),
        ("2023,2024\na,b\n", ",", True),
        ("id,2023,2024\nx,1,2\ny,3,4\n", ",", False),
    ],
)
def test_separators_and_headers_are_told(tmp_path, text, delimiter, has_header):
    path = tmp_path / "t.csv"
    path.write_text(text)
    found = sniff(path)
    assert (found.delimiter, found.has_header) == (delimiter, has_header)


def test_what_is_given_is_not_guessed(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("1;2\n3;4\n")
    found = sniff(path, encoding="latin-1", delimiter=",", has_header=True)
    assert (found.encoding, found.delimiter, found.has_header) == ("latin-1", ",", True)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", {}, "is empty"),
        (b" \n\n", {}, "is empty"),
        (b"\x89PNG\x00\x01\x00\x02xyz" * 9, {}, "is not a text file"),
        ("ä".encode("latin-1") + b",b\n1,2\n", {"encoding": "utf-8"}, "not text in the encoding"),
        (b"a\n1\n", {"encoding": "utf-9"}, "'utf-9' is not known"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content, options, message):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        sniff(path, **options)


@pytest.mark.property
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), min_size=3, max_size=3),
        min_size=3,
        max_size=8,
    ),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
def test_plain_tables_are_told_apart(tmp_path, rows, delimiter, encoding):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    assume(text.getvalue().strip())
    path = tmp_path / "t.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    found = sniff(path)
    assert found.delimiter == delimiter
    assert path.read_bytes().decode(found.encoding) == text.getvalue()
