"""The report: well-formed, self-contained, escaped, and readable in a real browser."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import rai

VOID = {"meta", "br"}
EVIL = "<script>alert('x')</script>"


class Outline(HTMLParser):
    """Collects tags, attributes and text, and checks that every tag is closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def analyses():
    rng = np.random.default_rng(0)
    n = 300
    frame = pd.DataFrame({EVIL: rng.normal(size=n), "x&y": rng.choice(["<b>", "ok"], n)})
    frame["y"] = np.where(frame[EVIL] + rng.normal(size=n) > 0, "<i>yes</i>", "no")
    frame["level"] = rng.choice([f"class {i}" for i in range(12)], n)
    frame["z"] = frame[EVIL] * 3 + rng.normal(size=n)

    def model(f):
        p = 1 / (1 + np.exp(-f[EVIL].to_numpy()))
        return pd.DataFrame({"<i>yes</i>": p, "no": 1 - p})

    wanted = {"n_bootstrap": 100, "max_explained_rows": 20, "explain_budget_seconds": 1}
    features = [EVIL, "x&y"]
    p = rng.dirichlet(np.ones(12), n)
    classes = pd.DataFrame(p, columns=sorted(frame.level.unique()))
    return {
        "binary": rai.analyze(
            model, frame, target="y", sensitive_features=["x&y", EVIL], features=features,
            model_name=EVIL, **wanted
        ),
        "multiclass": rai.analyze(
            None, frame, target="level", probabilities=classes, sensitive_features=["x&y"], **wanted
        ),
        "regression": rai.analyze(
            lambda f: f[EVIL] * 3, frame, target="z", sensitive_features=["x&y"],
            features=features, **wanted
        ),
        "bare": rai.analyze(None, frame, target="y", predictions=frame.y),
    }  # fmt: skip


ANALYSES = {}


@pytest.fixture(params=["binary", "multiclass", "regression", "bare"])
def analysis(request):
    if not ANALYSES:
        ANALYSES.update(analyses())
    return ANALYSES[request.param]


def test_the_page_is_well_formed_and_accessible(analysis):
    page = Outline()
    page.feed(analysis.to_html())
    page.close()
    assert page.open == []
    assert dict(page.attributes)["lang"] == "en"
    assert page.tags.count("h1") == page.tags.count("main") == 1
    assert "script" not in page.tags
    n_charts = sum(name == "role" and value == "img" for name, value in page.attributes)
    assert n_charts == page.tags.count("svg")
    assert all(value for name, value in page.attributes if name in ("aria-label", "scope"))
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {v[1:] for n, v in page.attributes if n == "href"} <= set(ids)


def test_the_page_asks_for_nothing(analysis):
    html = analysis.to_html()
    assert not re.search(r"https?://|@import|url\(|//cdn", html)
    assert not re.search(r"\s(?:src|onload|onclick|action)=", html)


def test_the_page_escapes_what_comes_from_data(analysis):
    html = analysis.to_html()
    assert "<script" not in html
    assert "<i>yes" not in html
    assert "<b>" not in html


def test_the_page_shows_the_figures_and_its_limits(analysis):
    page = Outline()
    page.feed(analysis.to_html())
    text = " ".join(page.text)
    assert "What this report does not show" in text
    assert f"{analysis.subject.n_rows:,}" in text
    assert "fair model" not in text
    assert "nan" not in text.casefold().split()
    for fairness in analysis.fairness:
        for group in fairness.groups:
            assert group.name in text
    for panel in analysis.panels.values():
        assert panel.reason is None or panel.reason in text


def test_the_same_analysis_gives_the_same_page(analysis):
    assert analysis.to_html() == analysis.to_html()


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_browser_shows_the_page_without_a_word_of_complaint(analysis, tmp_path):
    from playwright.sync_api import sync_playwright

    (tmp_path / "report.html").write_text(analysis.to_html(), encoding="utf-8")
    said, asked = [], []
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 1200, "height": 800}, color_scheme=scheme)
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.on("request", lambda request: asked.append(request.url))
            page.goto((tmp_path / "report.html").as_uri())
            overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert overflow <= 0
            assert page.locator("section").count() == 5
        browser.close()
    assert said == []
    assert set(asked) == {(tmp_path / "report.html").as_uri()}
