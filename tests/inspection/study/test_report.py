# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The report: what stands in it, what does not, and that names stay names."""

import re
import warnings
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from skperf.inspection import RetrainingStudy
from skperf.inspection._study._limits import describe
from skperf.inspection._study._svg import Point, draw_lines, draw_points
from skperf.shift import (
    FunctionShift,
    ResampleIfRejected,
    ShiftPipeline,
    StrategicResponse,
)

EVIL = '<script>alert("x")</script>&amp;"\'><img src=x onerror=y>'
VOID = {"meta", "circle", "line", "polyline"}
QUESTIONS = [
    "Which model do I deploy?",
    "What do I lose?",
    "Does retraining settle?",
    "Which features are gamed?",
    "Whom does it hurt?",
]


class Page(HTMLParser):
    """Notes elements and texts, and whether elements are closed in their order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.elements, self.texts = [], [], {}
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.setdefault(self.open[-1], []).append(data.strip())

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def shown(self):
        seen = {tag: t for tag, t in self.texts.items() if tag != "style"}
        return " ".join(text for texts in seen.values() for text in texts)


def people(n=160):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n, 2)), columns=[EVIL, "plain"])
    y = (X[EVIL] + rng.normal(size=n) > 0).astype(int)
    X["id"] = [f"person-{i}" for i in range(n)]
    group = np.where(np.arange(n) % 2, f"{EVIL} young", "old")
    group[:3] = "a few"
    return X, y, group


@pytest.fixture(scope="module")
def fitted():
    X, y, group = people()
    study = RetrainingStudy(
        {EVIL: LogisticRegression()},
        {f"{EVIL} shift": StrategicResponse(0.5, strategic_features=EVIL)},
        ways=("ordinary", "retrained"),
        scoring={f"{EVIL} score": "roc_auc"},
        n_bootstrap=20,
        random_state=0,
        cv=2,
    )
    return study.fit(X, y, groups="id", by=group)


def write(study, folder, **options):
    path = folder / "report.html"
    study.report(str(path), **options)
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(fitted, tmp_path_factory):
    return write(fitted, tmp_path_factory.mktemp("study"))


def test_the_decision_comes_first(fitted, page):
    assert page.texts["h1"] == ["Retraining study"]
    assert page.texts["h2"] == [*QUESTIONS, "Assumptions and limits"]
    sentences = page.texts["li"]
    assert (
        sentences[: len(fitted.answers_[QUESTIONS[0]])] == fitted.answers_[QUESTIONS[0]]
    )
    for question in QUESTIONS[:-1]:  # the last leaves small groups out
        assert set(fitted.answers_[question]) <= set(sentences)
    sections = [attrs.get("class") for attrs in page.all("section")]
    assert sections == ["decision", *[None] * 5]


def test_the_file_stands_alone(page):
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "link", "iframe", "a", "object", "form"}
    attributes = {name for _, attrs in page.elements for name in attrs}
    assert not attributes & {"src", "href", "onerror", "style", "onclick"}
    metas = page.all("meta")
    assert {"charset": "utf-8"} in metas
    policy = next(m for m in metas if "http-equiv" in m)["content"]
    assert policy.startswith("default-src 'none'")
    assert any(m.get("content", "").startswith("width=device-width") for m in metas)
    (style,) = page.texts["style"]
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style


def test_names_stay_names(page):
    """They are read back as they were written, in texts and in attributes."""
    for name in (EVIL, f"{EVIL} shift", f"{EVIL} score", f"{EVIL} young"):
        assert name in page.shown
    labels = [attrs["data-label"] for attrs in page.all("td")]
    assert f"{EVIL} score" in labels
    heads = page.texts["th"]
    assert set(labels) == set(heads)


def test_figures_are_those_of_the_tables(fitted, page):
    row = fitted.results_.iloc[1]
    ends = f"({row['difference_low']:.3g} to {row['difference_high']:.3g})"
    assert f"{row['difference']:.4g} {ends}" in page.texts["td"]
    assert f"{row['risk']:.4g}" in page.shown
    shown = page.texts["td"]
    old = fitted.by_group_.query("group == 'old'").iloc[0]
    assert str(old["n_people"]) in shown
    assert f"{old['prediction']:.3g}" in shown


def test_nothing_personal(fitted, page, tmp_path):
    assert not re.search(r"person-\d", page.shown)
    assert "a few" not in page.shown
    assert "Not shown: 1 groups of fewer than 20 people held out." in page.texts["p"]
    assert "a few" in set(fitted.by_group_["group"])  # the tables have it
    assert "a few" in write(fitted, tmp_path, min_group_size=1).shown


def test_what_was_assumed_is_said(page):
    limits = page.texts["li"]
    said = next(each for each in limits if each.startswith("Assumed of the reaction"))
    assert f"epsilon=0.5, responds=None, strategic_features={EVIL!r}" in said
    assert any("160 people were held out, in 2 split(s)" in each for each in limits)
    assert any("come of 20 draws" in each for each in limits)


def test_short_form(fitted):
    short = Page(fitted._repr_html_())
    assert short.texts["h2"] == QUESTIONS[:1]
    assert len(short.all("table")) == 1
    assert set(fitted.answers_[QUESTIONS[0]]) <= set(short.texts["li"])
    assert fitted._repr_mimebundle_()["text/html"] == fitted._repr_html_()
    unfitted = RetrainingStudy(LogisticRegression(), StrategicResponse(0.1))
    assert "sk-top-container" in unfitted._repr_html_()


def test_without_groups_moves_and_intervals(tmp_path):
    X, y, _ = people()
    half = FunctionShift(lambda X, y, y_pred: (X[::2], y[::2]))
    study = RetrainingStudy(
        LogisticRegression(),
        {"one": half, "two": ResampleIfRejected(0.2)},
        ways="retrained",
        max_iter=1,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.fit(X["plain"].to_numpy()[:, None], y)
    page = write(study, tmp_path)
    assert "there are no groups" in page.shown
    assert "no column moves" in page.shown
    assert "nan" not in page.shown.casefold()
    assert "Shift" in page.texts["th"]  # there are two


def mask(X, y):
    return y == 1


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        (
            ResampleIfRejected(0.2, strategic_features=["a", "b"]),
            "delta=0.2, n_donors=4, resampling='expected', strategic_features=['a', ",
        ),
        (StrategicResponse(0.1, responds=np.ones(300, bool)), "responds=300 values"),
        (StrategicResponse(0.1, responds=mask), "responds=mask"),
        (
            ShiftPipeline([("reject", ResampleIfRejected(0.2))]),
            "reject=ResampleIfRejected, reject__delta=0.2",
        ),
        (StrategicResponse(0.1, strategic_features=list(range(30))), "30 values"),
    ],
)
def test_shifts_are_described_without_data(shift, expected):
    assert expected in describe(shift)


def numbers_in(svg):
    page = Page(svg)
    return page, [a for tag, a in page.elements if tag in ("circle", "line")]


def test_points_stand_where_their_values_are():
    svg = draw_points(
        [Point("a", 0.0, -1.0, 1.0), Point("b", 2.0, 1.5, 3.0, True), Point("c", 1.0)],
        "what",
        from_zero=True,
    )
    page, marks = numbers_in(svg)
    x = [float(m["cx"]) for m in marks if "cx" in m]
    assert x[1] - x[2] == pytest.approx(x[2] - x[0], abs=0.2)
    bars = [m for m in marks if m["class"].startswith("bar")]
    assert len(bars) == 2
    assert float(bars[0]["x1"]) < x[0] < float(bars[0]["x2"])
    assert bars[1]["class"] == "bar marked"
    assert all(0 <= each <= 340 for each in x)
    (zero,) = (m for m in marks if m["class"] == "zero")
    assert float(zero["x1"]) == pytest.approx(x[0])
    assert page.texts["figcaption"] == ["what"]


def test_lines_go_through_their_values():
    page = Page(draw_lines({"one": [3.0, 2.0, 1.0], "two": [np.nan, 1.0]}, "risk"))
    first, second = (attrs["points"].split() for attrs in page.all("polyline"))
    places = np.array([each.split(",") for each in first], float)
    assert np.ptp(np.diff(places, axis=0), axis=0) == pytest.approx([0, 0], abs=0.2)
    assert (np.diff(places[:, 1]) > 0).all()  # less is further down
    assert len(second) == 1
    assert float(second[0].split(",")[1]) == pytest.approx(places[-1, 1])
    assert float(second[0].split(",")[0]) == pytest.approx(places[1, 0])


def test_pictures_of_equal_and_long_values():
    for value in (0.0, 1e-9, 5.0, -3.0):
        svg = draw_points([Point("n" * 60, value), Point("b", value)], "same")
        page, marks = numbers_in(svg)
        assert len({m["cx"] for m in marks if "cx" in m}) == 1
        assert "nan" not in svg
        assert page.texts["text"][0].endswith("…")
    assert "<polyline" in draw_lines({"none": [np.nan]}, "empty")
