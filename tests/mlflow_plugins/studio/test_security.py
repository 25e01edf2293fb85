"""What a foreign page, a foreign script and a foreign file may not do."""

import base64
import hashlib
import re

import pytest


def _policy(answer) -> dict[str, set[str]]:
    parts = [part.split() for part in answer.headers["Content-Security-Policy"].split(";")]
    return {words[0]: set(words[1:]) for words in parts}


def test_the_page_names_its_language(place):
    assert '<html lang="en">' in place.http.get("/studio/").text


def test_the_page_loads_nothing_from_elsewhere(place):
    html = place.http.get("/studio/").text
    addresses = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="([^"]+)"', html)
    assert len(addresses) > 5
    assert [one for one in addresses if not one.startswith("/studio/")] == []


def test_the_policy_allows_the_inline_scripts_that_are_there_and_no_other(place):
    answer = place.http.get("/studio/")
    policy = _policy(answer)
    scripts = re.findall(
        r'<script(?![^>]*src=)(?![^>]*type="application/json")[^>]*>(.*?)</script>',
        answer.text,
        re.DOTALL,
    )
    hashes = {
        f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'"
        for one in scripts
    }
    assert len(hashes) == 1
    assert policy["script-src"] == {"'self'", *hashes}
    assert policy["default-src"] == {"'none'"}
    assert policy["connect-src"] == {"'self'"}
    assert policy["frame-ancestors"] == {"'self'"}


def test_every_answer_has_the_headers(place):
    for path in ("/studio/", "/studio/jobs", "/studio/_dash-layout", "/studio/assets/studio.css"):
        with place.http.get(path) as answer:
            assert answer.status_code == 200, path
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src" in _policy(answer)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["_dash-update-component", "_upload", "_upload/x/finish"])
def test_a_write_from_another_site_is_refused(place, headers, path):
    answer = place.http.post(f"/studio/{path}", json={}, headers=headers)
    assert answer.status_code == 403
    assert answer.text == "Requests from another site are refused."


def test_a_piece_from_another_site_is_refused(place):
    answer = place.http.put("/studio/_upload/x", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}],
)
def test_a_write_from_the_page_itself_goes_through(place, headers):
    body = {"file": "a.csv", "size_bytes": 3}
    answer = place.http.post("/studio/_upload", json=body, headers=headers)
    assert answer.status_code == 200


def test_other_routes_of_the_server_are_left_alone(place):
    @place.studio._app.server.post("/elsewhere")
    def elsewhere():
        return "fine"

    answer = place.http.post("/elsewhere", headers={"Origin": "http://evil.example"})
    assert answer.text == "fine"
    assert "Content-Security-Policy" not in answer.headers
