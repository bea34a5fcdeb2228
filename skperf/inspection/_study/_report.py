# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The report of a study: the decision first, then tables, pictures and limits.

It holds figures of people taken together and no rows, no IDs, and no small groups.
"""

from skperf.inspection._study._answers import (
    DEPLOY,
    GAMED,
    HURT,
    LOSE,
    SETTLE,
    hurt_answers,
    rows_of,
    told_of,
)
from skperf.inspection._study._decision import name_row
from skperf.inspection._study._limits import limits, risk_of
from skperf.inspection._study._page import (
    bullets,
    note,
    page,
    part,
    pictures,
    section,
    table,
)
from skperf.inspection._study._plan import check_ways
from skperf.inspection._study._shown import (
    show_endings,
    show_gaming,
    show_groups,
    show_results,
)
from skperf.inspection._study._svg import Point, draw_lines, draw_points

_TITLE = "Retraining study"
_N_FEATURES = 10


def make_report(study, min_group_size):
    """Return the page of a fitted study.

    Parameters
    ----------
    study : RetrainingStudy
        The study.

    min_group_size : int
        Smaller groups are left out.

    Returns
    -------
    html : str
        A whole file.
    """
    reference = check_ways(study.ways)[0]
    told = told_of(study.decision_, reference)
    groups = study.by_group_
    if len(groups):
        groups = groups[groups["n_people"] >= min_group_size]
    hurt = hurt_answers(study.decision_, groups, reference)
    answers = study.answers_ | {HURT: hurt}
    parts = {
        LOSE: [pictures(_risks(study, told)), _results(study)],
        SETTLE: [pictures(_paths(study)), _table(study, show_endings(study.results_))],
        GAMED: _gaming(study, told),
        HURT: [
            *_groups(study, groups, told),
            _hidden(study.by_group_, groups, min_group_size),
        ],
    }
    body = [
        f"<h1>{_TITLE}</h1>",
        _decision(study),
        *(section(each, bullets(answers[each]), *parts[each]) for each in parts),
        section("Assumptions and limits", bullets(limits(study))),
    ]
    return page(_TITLE, "\n".join(body))


def make_summary(study):
    """Return the decision and the results, for a page that has other things too."""
    return part(_decision(study) + _results(study))


def _results(study):
    return _table(study, show_results(study.results_, check_ways(study.ways)[0]))


def _table(study, rows):
    """Return a table, without the shift if there is only one."""
    if study.results_["shift"].nunique() == 1:
        rows = [{k: v for k, v in row.items() if k != "Shift"} for row in rows]
    return table(rows)


def _decision(study):
    told = (
        f"{study.n_people_} people held out, {study.confidence_level:.0%} intervals. "
        f"The risk is the {risk_of(study)} on what people do once they met the model; "
        "less is better. Models are told apart with all comparisons taken together."
    )
    return section(DEPLOY, bullets(study.answers_[DEPLOY]), note(told), kind="decision")


def _risks(study, told):
    """Return a picture of the risks under each shift."""
    best = {best for _, best in told}
    return [
        draw_points(
            [
                Point(
                    f"{row.estimator}, {row.way}",
                    row.risk,
                    row.risk_low,
                    row.risk_high,
                    (row.estimator, shift, row.way) in best,
                )
                for row in rows.itertuples()
            ],
            f"Risk once people react as in “{shift}”, with intervals",
        )
        for shift, rows in study.results_.groupby("shift", sort=False)
    ]


def _paths(study):
    """Return a picture of the first split's rounds for each estimator and shift."""
    if not len(study.history_):
        return []
    first = study.history_[study.history_["split"] == 0]
    return [
        draw_lines(
            {way: each["risk_before"] for way, each in rows.groupby("way", sort=False)},
            f"{estimator}, “{shift}”: risk of the deployed model by round, on those "
            "who train",
        )
        for (estimator, shift), rows in first.groupby(
            ["estimator", "shift"], sort=False
        )
    ]


def _gaming(study, told):
    """Return pictures and tables of the moves of features."""
    drawn, shown = [], []
    for first, _ in told:
        rows = rows_of(study.gaming_, first)[:_N_FEATURES]
        if len(rows):
            points = [
                Point(row.feature, row.cost, row.cost_low, row.cost_high, True)
                for row in rows.itertuples()
            ]
            what = f"Risk that moves cost, {name_row(first)}, “{first[1]}”"
            drawn.append(draw_points(points, what, from_zero=True))
            shown += show_gaming(rows)
    return [pictures(drawn), _table(study, shown)]


def _groups(study, groups, told):
    """Return pictures and a table of what groups meet."""
    drawn, shown = [], []
    for first, best in told:
        rows = rows_of(groups, first)
        if len(rows):
            points = [
                Point(
                    row.group,
                    row.risk_change,
                    row.risk_change_low,
                    row.risk_change_high,
                )
                for row in rows.itertuples()
            ]
            what = (
                f"What the reaction adds to the risk, {name_row(first)}, “{first[1]}”"
            )
            drawn.append(draw_points(points, what, from_zero=True))
        for row in dict.fromkeys((first, best)):
            shown += show_groups(rows_of(groups, row), first[2])
    return [pictures(drawn), _table(study, shown)]


def _hidden(groups, shown, min_group_size):
    """Return a remark on groups that are left out."""
    if len(shown) == len(groups):
        return ""
    n_hidden = groups["group"].nunique() - shown["group"].nunique()
    return note(
        f"Not shown: {n_hidden} groups of fewer than {min_group_size} people held out."
    )
