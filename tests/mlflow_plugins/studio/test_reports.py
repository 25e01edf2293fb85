"""HTML files of runs are shown without any right."""

import pytest


@pytest.fixture
def run_id(place):
    client = place.studio.client()
    run = client.create_run("0")
    client.log_text(run.info.run_id, "<p>Hello</p><script>1</script>", "rai/report.html")
    client.log_text(run.info.run_id, "secret", "rai/notes.txt")
    return run.info.run_id


def test_a_report_is_a_page_of_a_stranger(place, run_id):
    answer = place.http.get(f"/studio/_report?run_id={run_id}&path=rai/report.html")
    assert answer.text.startswith("<p>Hello</p>")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy


@pytest.mark.parametrize(
    "path", ["rai/notes.txt", "../../secret.html", "/etc/passwd.html", "a/../../b.html", ""]
)
def test_only_html_files_of_the_run_are_served(place, run_id, path):
    answer = place.http.get("/studio/_report", query_string={"run_id": run_id, "path": path})
    assert answer.status_code == 400
    assert "is not the path of an HTML file of a run" in answer.text


def test_a_missing_run_is_not_found(place):
    answer = place.http.get(f"/studio/_report?run_id={'0' * 32}&path=a.html")
    assert answer.status_code == 404
    assert answer.mimetype == "text/plain"
