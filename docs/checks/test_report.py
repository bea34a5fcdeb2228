# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""A study's report in a browser: on a desk and on a phone, in light and in dark."""

import numpy as np
import pytest
from conftest import TOO_WIDE, asked_for, set_width
from sklearn.linear_model import LogisticRegression

from skperf.inspection import RetrainingStudy
from skperf.shift import ResampleIfRejected, StrategicResponse

# Texts that are small, or too near to what is behind them, by the rule of WCAG.
UNREADABLE = """
    const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
    const light = c => {
        const [r, g, b] = parse(c).slice(0, 3).map(v => {
            v /= 255;
            return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = e => {
        for (; e; e = e.parentElement) {
            const parts = parse(getComputedStyle(e).backgroundColor);
            if (parts.length === 3 || parts[3] > 0)
                return getComputedStyle(e).backgroundColor;
        }
        return "rgb(255, 255, 255)";
    };
    const found = [];
    for (const e of document.querySelectorAll("main *")) {
        const own = [...e.childNodes].some(
            n => n.nodeType === 3 && n.textContent.trim());
        if (!own || e.tagName === "STYLE") continue;
        const style = getComputedStyle(e);
        const ink = light(e.tagName === "text" ? style.fill : style.color);
        const paper = light(behind(e));
        const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
        const size = e.tagName === "text"
            ? parseFloat(style.fontSize) * e.getScreenCTM().a
            : parseFloat(style.fontSize);
        if (contrast < 4.5 || size < 10.5)
            found.push([e.textContent.trim(), contrast, size]);
    }
    return found;
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    y = (X[:, 0] + rng.normal(size=400) > 0).astype(int)
    long = "a_name_that_is_long_and_has_no_place_to_break_at_all"
    study = RetrainingStudy(
        {long: LogisticRegression(), "short": LogisticRegression(C=0.01)},
        {
            f"{long} shift": StrategicResponse(0.3),
            "rejected": ResampleIfRejected(0.2, strategic_features=[0]),
        },
        scoring={f"{long} score": "roc_auc"},
        n_bootstrap=20,
        max_iter=30,
        random_state=0,
    )
    study.fit(X, y, by=np.where(X[:, 1] > 0, f"{long} group", "others"))
    path = tmp_path_factory.mktemp("report") / "report.html"
    study.report(path)
    return path


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_report(report, browser, width, mode):
    preferred = [{"name": "prefers-color-scheme", "value": mode}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": preferred})
    set_width(browser, width)
    browser.get(report.as_uri())
    assert browser.execute_script(TOO_WIDE) <= 0
    assert browser.execute_script(UNREADABLE) == []
    paper = browser.execute_script(
        "return getComputedStyle(document.querySelector('main')).backgroundColor"
    )
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[mode]
    decision = browser.execute_script(
        "return document.querySelector('.decision li').getBoundingClientRect().bottom"
    )
    assert decision < 800  # the first screen
    log = browser.get_log("browser")
    assert [e["message"] for e in log if e["level"] == "SEVERE"] == []
    assert list(asked_for(browser)) == [report.as_uri()]
