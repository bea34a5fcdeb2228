# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The five questions of whoever deploys a model, answered in plain words."""

import numpy as np

from skperf.inspection._study._decision import name_row
from skperf.inspection._study._tables import ROW
from skperf.inspection._study._ways import WAYS

#: What is asked, in the order of the report.
DEPLOY = "Which model do I deploy?"
LOSE = "What do I lose?"
SETTLE = "Does retraining settle?"
GAMED = "Which features are gamed?"
HURT = "Whom does it hurt?"

_MEANING = {
    "slow": "the gap still falls, or there were too few rounds to tell",
    "plateau": "the gap stays, as the model answers in jumps or its solver stops early",
    "cycle": "the same models replace each other",
    "diverging": "each model moves the data more than the one before",
    "noise floor": "the data are drawn anew, and the gap is that noise",
    "small steps": "the estimator calls its own fits unfinished",
    "untrained": "refitting changes nothing, as with a warm start",
}
_MOST = 5  # features in a sentence


def answer(decisions, tables, n_people, reference):
    """Return the answers to all questions.

    Parameters
    ----------
    decisions : list of Decision
        By the risk first, then by scores.

    tables : dict of str to DataFrame
        The results, by_group, gaming and decision of a study.

    n_people : int
        Who are held out.

    reference : str
        The first way.

    Returns
    -------
    answers : dict of str to list of str
        Sentences by question.
    """
    results = list(tables["results"].itertuples())
    settled = [settle_words(row) for row in results]
    return {
        DEPLOY: [deploy_words(each, n_people) for each in decisions],
        LOSE: [loss_words(row, reference) for row in results],
        SETTLE: list(filter(None, settled)) or ["No model was retrained."],
        GAMED: [
            _of(first) + gaming_words(rows_of(tables["gaming"], first))
            for first, _ in told_of(tables["decision"], reference)
        ],
        HURT: hurt_answers(tables["decision"], tables["by_group"], reference),
    }


def told_of(decision, reference):
    """Return whom features and groups are told of under each shift.

    Returns
    -------
    pairs : list of (tuple, tuple)
        The rows of the reference of the estimator with the lowest risk, which is what
        people meet first, and of the model with the lowest risk.
    """
    by_risk = decision[decision["figure"] == "risk"]
    best = list(by_risk[list(ROW)].itertuples(index=False, name=None))
    return [((*row[:2], reference), row) for row in best]


def hurt_answers(decision, by_group, reference):
    """Return the answers to the last question, for the groups of a table."""
    answers = []
    for first, best in told_of(decision, reference):
        answers.append(_of(first) + reaction_words(rows_of(by_group, first)))
        if best != first:
            answers.append(_of(best) + change_words(rows_of(by_group, best), reference))
    return answers


def deploy_words(decision, n_people):
    """Say which model to deploy by one figure, or that no difference can be told."""
    is_risk = decision.figure == "risk"
    figure = "risk" if is_risk else f"“{decision.figure}”"
    side = "lowest" if is_risk else "highest"
    best = name_row(decision.best)
    start = f"If people react as in “{decision.shift}”: "
    if decision.equals or not decision.is_judged:
        start += f"{best} has the {side} {figure}, {decision.value:.4g}"
        return start + _doubt(decision, n_people)
    words = f"{start}deploy {best}. Its {figure} is {decision.value:.4g}"
    n_others = len(decision.worse)
    if not n_others:
        return f"{words}, and there is no other model to compare it with."
    others = "the other one is" if n_others == 1 else f"all {n_others} others are"
    return f"{words}, and {others} worse beyond chance."


def _doubt(decision, n_people):
    """Say from which models the best cannot be told apart."""
    if not decision.is_judged:
        return ". There are no intervals, so that may be by chance."
    equals = "; ".join(map(name_row, decision.equals))
    told = (
        f", but with {n_people} people held out no difference can be told between it "
        f"and: {equals}."
    )
    rows = [decision.best, *decision.equals]
    order = [list(WAYS).index(way) for _, _, way in rows]
    easy = [
        name_row(row) for row, o in zip(rows, order, strict=True) if o == min(order)
    ]
    return f"{told} The least work of these: {'; '.join(easy)}."


def loss_words(row, reference):
    """Say what the reaction costs the reference, and what another way wins back."""
    who = f"{row.estimator}, {row.way}, “{row.shift}”: "
    if row.risk != row.risk:
        return f"{who}there is no such model. {row.missing}"
    if row.difference == row.difference:
        ends = _signed(row.difference, row.difference_low, row.difference_high)
        return f"{who}the risk is {row.risk:.4g}, against {reference} {ends}."
    ends = _signed(row.risk_change, row.risk_change_low, row.risk_change_high)
    return (
        f"{who}the risk is {row.risk_nobody_reacts:.4g} where nobody reacts and "
        f"{row.risk:.4g} once people do: {ends}."
    )


def settle_words(row):
    """Say whether retraining settles, None of a model that was not retrained."""
    if row.settled is None or row.settled != row.settled:
        return None
    who = f"{row.estimator}, {row.way}, “{row.shift}”: "
    moves = f"one more retraining moves predictions by {row.residual:.2g}"
    if not row.settled:
        words = dict.fromkeys(row.diagnosis.split(", "))
        means = "; ".join(_MEANING[word] for word in words if word in _MEANING)
        return (
            f"{who}not after {row.rounds:.0f} rounds ({row.diagnosis}: {means}); "
            f"{moves}."
        )
    if row.settled_round == row.settled_round:
        return (
            f"{who}yes, in risk: {moves}, but from round {row.settled_round:.0f} on "
            f"the risk of those who train stays at {row.settled_risk:.4g}."
        )
    return f"{who}yes, after {row.rounds:.0f} rounds ({row.diagnosis}); {moves}."


def gaming_words(rows):
    """Say which features are gamed at the cost of a model."""
    if not len(rows):
        return "no column moves in this reaction; it changes weights or targets."
    costly = rows[rows["cost_low"] > 0]
    if not len(costly):
        return "columns move, but no single move costs risk beyond chance."
    told = "; ".join(
        f"{row.feature} {_signed(row.cost, row.cost_low, row.cost_high)}"
        for row in costly.head(_MOST).itertuples()
    )
    return f"moves of these cost risk: {told}."


def reaction_words(rows):
    """Say in which groups the reaction raises the risk."""
    if not len(rows):
        return "there are no groups; fit(X, y, by=...) asks for them."
    hurt = rows[rows["risk_change_low"] > 0].sort_values("risk_change")
    if not len(hurt):
        return "in no group does the reaction raise the risk beyond chance."
    worst = list(hurt.itertuples())[-1]
    ends = _signed(worst.risk_change, worst.risk_change_low, worst.risk_change_high)
    return (
        f"the reaction raises the risk beyond chance in {len(hurt)} of {len(rows)} "
        f"groups, most in “{worst.group}”: from {worst.risk_nobody_reacts:.4g} to "
        f"{worst.risk:.4g}, {ends}."
    )


def change_words(rows, reference):
    """Say which groups are worse off with a model than with the reference."""
    if not len(rows):
        return "there are no groups."
    worse = rows[rows["difference_low"] > 0]
    if not len(worse):
        return f"no group has a higher risk than with {reference}, beyond chance."
    told = "; ".join(
        f"“{row.group}” "
        f"{_signed(row.difference, row.difference_low, row.difference_high)}"
        for row in worse.itertuples()
    )
    return f"a higher risk than with {reference} have: {told}."


def _of(row):
    return f"{name_row(row)}, “{row[1]}”: "


def rows_of(table, row):
    """Return the rows of a table that are of one model."""
    if not len(table):
        return table
    pairs = zip(ROW, row, strict=True)
    return table[np.logical_and.reduce([table[name] == value for name, value in pairs])]


def _signed(value, low, high):
    if low != low:
        return f"{value:+.3g}"
    return f"{value:+.3g}, interval {low:+.3g} to {high:+.3g}"
