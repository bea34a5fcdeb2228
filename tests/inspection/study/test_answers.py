# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Answers in words, of tables made by hand."""

import numpy as np
import pandas as pd
import pytest

from skperf.inspection._study._answers import (
    change_words,
    deploy_words,
    gaming_words,
    loss_words,
    reaction_words,
    settle_words,
)
from skperf.inspection._study._decision import Decision

ORDINARY, RETRAINED, OPTIMAL = (
    ("trees", "strong", way) for way in ("ordinary", "retrained", "optimal")
)
START = "If people react as in “strong”: "


def rows(**columns):
    return pd.DataFrame(columns)


@pytest.mark.parametrize(
    ("equals", "worse", "is_judged", "words"),
    [
        (
            [],
            [ORDINARY],
            True,
            "deploy trees, retrained. Its risk is 0.25, and the other one is worse "
            "beyond chance.",
        ),
        (
            [],
            [ORDINARY, OPTIMAL],
            True,
            "deploy trees, retrained. Its risk is 0.25, and all 2 others are worse "
            "beyond chance.",
        ),
        (
            [OPTIMAL],
            [ORDINARY],
            True,
            "trees, retrained has the lowest risk, 0.25, but with 70 people held out "
            "no difference can be told between it and: trees, optimal. The least work "
            "of these: trees, retrained.",
        ),
        (
            [ORDINARY, OPTIMAL],
            [],
            True,
            "trees, retrained has the lowest risk, 0.25, but with 70 people held out "
            "no difference can be told between it and: trees, ordinary; trees, "
            "optimal. The least work of these: trees, ordinary.",
        ),
        (
            [ORDINARY],
            [],
            False,
            "trees, retrained has the lowest risk, 0.25. There are no intervals, so "
            "that may be by chance.",
        ),
        (
            [],
            [],
            True,
            "deploy trees, retrained. Its risk is 0.25, and there is no other model to "
            "compare it with.",
        ),
    ],
)
def test_which_model(equals, worse, is_judged, words):
    decision = Decision("strong", "risk", RETRAINED, 0.25, equals, worse, is_judged)
    assert deploy_words(decision, 70) == START + words
    money = decision._replace(figure="money")
    told = words.replace("lowest", "highest").replace("risk", "“money”")
    assert deploy_words(money, 70) == START + told


def one(**columns):
    found = {"estimator": "trees", "shift": "strong", "way": "retrained"} | columns
    (row,) = pd.DataFrame([found]).itertuples()
    return row


def test_what_is_lost():
    ends = {"risk": 0.3, "risk_nobody_reacts": 0.2, "risk_change": 0.1}
    ends |= {"risk_change_low": 0.05, "risk_change_high": 0.15}
    nothing = dict.fromkeys(("difference", "difference_low", "difference_high"), np.nan)
    assert loss_words(one(**ends, **nothing), "ordinary") == (
        "trees, retrained, “strong”: the risk is 0.2 where nobody reacts and 0.3 once "
        "people do: +0.1, interval +0.05 to +0.15."
    )
    other = {"difference": -0.1, "difference_low": -0.2, "difference_high": 0.01}
    assert loss_words(one(**ends, **other), "ordinary") == (
        "trees, retrained, “strong”: the risk is 0.3, against ordinary -0.1, interval "
        "-0.2 to +0.01."
    )
    other |= {"difference_low": np.nan, "difference_high": np.nan}
    assert loss_words(one(**ends, **other), "ordinary").endswith(
        "against ordinary -0.1."
    )
    gone = one(risk=np.nan, missing="It has no slope.")
    assert loss_words(gone, "ordinary").endswith("no such model. It has no slope.")


def ending(**columns):
    usual = {"settled": True, "diagnosis": "converged", "rounds": 4.0, "residual": 2e-6}
    return one(**usual | {"settled_round": np.nan, "settled_risk": np.nan} | columns)


def test_whether_it_settles():
    start = "trees, retrained, “strong”: "
    moves = "one more retraining moves predictions by 2e-06"
    assert settle_words(ending()) == f"{start}yes, after 4 rounds (converged); {moves}."
    in_risk = {"diagnosis": "settled in risk", "settled_round": 2.0}
    assert settle_words(ending(**in_risk, settled_risk=0.125)) == (
        f"{start}yes, in risk: {moves}, but from round 2 on the risk of those who "
        "train stays at 0.125."
    )
    both = ending(settled=False, diagnosis="slow, cycle")
    assert settle_words(both) == (
        f"{start}not after 4 rounds (slow, cycle: the gap still falls, or there were "
        f"too few rounds to tell; the same models replace each other); {moves}."
    )
    assert settle_words(ending(settled=None)) is None
    assert settle_words(ending(settled=np.nan)) is None


def test_which_features():
    costs = rows(
        feature=["a", "b", "c"],
        cost=[0.3, 0.2, -0.1],
        cost_low=[0.2, -0.1, -0.2],
        cost_high=[0.4, 0.5, 0.0],
    )
    told = "moves of these cost risk: a +0.3, interval +0.2 to +0.4."
    assert gaming_words(costs) == told
    assert "no single move costs" in gaming_words(costs[1:])
    assert "no column moves" in gaming_words(costs[:0])


def test_which_groups():
    groups = rows(
        group=["old", "young", "few", "none"],
        risk_nobody_reacts=[0.2, 0.25, 0.1, 0.1],
        risk=[0.3, 0.5, 0.9, 0.05],
        risk_change=[0.1, 0.25, 0.8, -0.05],
        risk_change_low=[0.05, 0.2, -0.1, -0.06],
        risk_change_high=[0.15, 0.3, 1.0, -0.04],
        difference=[0.2, 0.1, 0.0, -0.1],
        difference_low=[0.1, -0.1, -0.1, -0.2],
        difference_high=[0.3, 0.3, 0.1, 0.0],
    )
    assert reaction_words(groups) == (
        "the reaction raises the risk beyond chance in 2 of 4 groups, most in “young”: "
        "from 0.25 to 0.5, +0.25, interval +0.2 to +0.3."
    )
    assert "in no group does" in reaction_words(groups[2:])
    assert "fit(X, y, by=...) asks" in reaction_words(groups[:0])
    assert change_words(groups, "ordinary") == (
        "a higher risk than with ordinary have: “old” +0.2, interval +0.1 to +0.3."
    )
    assert "no group has a higher risk than with first" in change_words(
        groups[1:], "first"
    )
    assert change_words(groups[:0], "ordinary") == "there are no groups."
