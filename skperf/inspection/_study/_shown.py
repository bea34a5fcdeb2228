# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tables of a study as texts: a value with its interval in one cell."""

from skperf.inspection._study._tables import ROW

_END = "_low"
_DIFFERENCE = "_difference"


def show_results(results, reference):
    """Return the risks and scores of all models, beside the reference."""
    scores = [
        name
        for name in (c[: -len(_END)] for c in results.columns if c.endswith(_END))
        if name not in ("risk", "risk_change", "difference")
    ]
    heads = {
        name: name.replace(_DIFFERENCE, f" against {reference}") for name in scores
    }
    return [
        {
            **_model(row),
            "Nobody reacts": _number(row["risk_nobody_reacts"]),
            "People react": _with_ends(row, "risk"),
            f"Against {reference}": _with_ends(row, "difference"),
            **{heads[name]: _with_ends(row, name) for name in scores},
            "Seconds": _number(row["fit_time"], 2),
        }
        for row in results.to_dict("records")
    ]


def show_endings(results):
    """Return how retraining ended."""
    words = {True: "yes", False: "no"}
    return [
        {
            **_model(row),
            "Settles": words.get(row["settled"], "-"),
            "Diagnosis": _text(row["diagnosis"]),
            "Rounds": _number(row["rounds"]),
            "One more moves predictions by": _number(row["residual"], 2),
            "Risk settled from round": _number(row["settled_round"]),
        }
        for row in results.to_dict("records")
    ]


def show_gaming(gaming):
    """Return what the moves of features cost."""
    return [
        {
            "Feature": str(row["feature"]),
            "Shift": str(row["shift"]),
            "Cost": _with_ends(row, "cost"),
            "Moved": f"{row['moved']:.0%}",
        }
        for row in gaming.to_dict("records")
    ]


def show_groups(groups, reference):
    """Return what groups meet."""
    return [
        {
            "Group": str(row["group"]),
            **_model(row),
            "People": str(row["n_people"]),
            "Nobody reacts": _number(row["risk_nobody_reacts"]),
            "People react": _with_ends(row, "risk"),
            "The reaction adds": _with_ends(row, "risk_change"),
            f"Against {reference}": _with_ends(row, "difference"),
            "Mean prediction": _number(row["prediction"], 3),
            "Rejected": _share(row["rejection_rate"]),
        }
        for row in groups.to_dict("records")
    ]


def _model(row):
    estimator, shift, way = (str(row[name]) for name in ROW)
    return {"Model": f"{estimator}, {way}", "Shift": shift}


def _with_ends(row, name):
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if low != low:
        return _number(value)
    return f"{_number(value)} ({_number(low, 3)} to {_number(high, 3)})"


def _number(value, digits=4):
    return "-" if value != value else f"{value:.{digits}g}"


def _share(value):
    return "-" if value != value else f"{value:.1%}"


def _text(value):
    return value if isinstance(value, str) else "-"
