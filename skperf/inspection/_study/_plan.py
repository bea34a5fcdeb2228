# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a study will do: which models are trained on whom, and judged on whom."""

from itertools import product
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_random_state

from skperf.inspection._study._held_out import HeldOut
from skperf.inspection._study._named import (
    name_estimators,
    name_scorers,
    name_shifts,
)
from skperf.inspection._study._people import (
    find_groups,
    number_persons,
    take_persons,
)
from skperf.inspection._study._play import Judging, Task
from skperf.inspection._study._splits import split_people
from skperf.inspection._study._ways import WAYS, Settings
from skperf.retraining._labels import as_targets
from skperf.retraining._population import check_population
from skperf.shift import Sample
from skperf.utils._sklearn import _num_samples
from skperf.utils._tables import take_rows


class Split(NamedTuple):
    """Who trains, who is held out, and the random numbers of their reaction."""

    training: Sample
    held_out: HeldOut
    random_state: int


class Plan(NamedTuple):
    """All that is decided before anything is trained."""

    estimators: dict
    shifts: dict
    ways: tuple
    splits: list
    judging: Judging
    columns: Any  # the table of features, to name its columns
    n_people: int  # who are held out at least once

    @property
    def tasks(self):
        """What is to be trained."""
        names = self.estimators, self.shifts, self.ways, range(len(self.splits))
        return [Task(*each) for each in product(*names)]


def make_plan(study, X, y, sample_weight, groups, by):
    """Return the plan of a study.

    Parameters
    ----------
    study : RetrainingStudy
        Its parameters.

    X, y, sample_weight, groups, by
        As its ``fit`` takes them.

    Returns
    -------
    plan : Plan
        The plan.
    """
    estimators, shifts = name_estimators(study.estimators), name_shifts(study.shifts)
    scorers = name_scorers(study.scoring)
    random = check_random_state(study.random_state)
    masks = find_groups(X, by)
    X, labels = take_persons(X, groups)
    people = check_population(X, y, sample_weight, labels)
    persons = number_persons(labels, _num_samples(people.X))
    pairs = split_people(
        study.cv,
        as_targets(people.y),
        persons,
        classifier=is_classifier(next(iter(estimators.values()))),
        random_state=_seed(random),
    )
    settings = Settings(study.response_method, study.pos_label, study.max_iter)
    judging = Judging(settings, scorers, study.n_bootstrap, _seed(random))
    tested = np.unique(np.concatenate([persons[test] for _, test in pairs]))
    ever = _EverHeldOut(np.searchsorted(tested, persons), len(tested), masks)
    return Plan(
        estimators,
        shifts,
        check_ways(study.ways),
        [_split(people, ever, *rows, _seed(random)) for rows in pairs],
        judging,
        people.X,
        len(tested),
    )


class _EverHeldOut(NamedTuple):
    """The persons of all rows, numbered among those who are ever held out."""

    persons: np.ndarray
    n_persons: int
    groups: dict


def _split(people, ever, train, test, random_state):
    held_out = HeldOut(
        _take(people, test)._replace(groups=np.arange(len(test))),
        ever.persons[test],
        ever.n_persons,
        {name: mask[test] for name, mask in ever.groups.items()},
    )
    return Split(_take(people, train), held_out, random_state)


def check_ways(ways):
    """Return the ways to a model, the reference first."""
    ways = (ways,) if isinstance(ways, str) else tuple(ways)
    unknown = [way for way in ways if way not in WAYS]
    if unknown or not ways or len(set(ways)) < len(ways):
        raise ValueError(
            f"ways is {list(ways)}; expected some of {list(WAYS)}, each once. The "
            "first is what the others are compared with."
        )
    return ways


def _take(people, rows):
    """Return the sample of some rows."""
    X, y, sample_weight, groups, _ = people
    return Sample(
        take_rows(X, rows),
        take_rows(y, rows),
        None if sample_weight is None else sample_weight[rows],
        None if groups is None else groups[rows],
    )


def _seed(random):
    return int(random.randint(np.iinfo(np.int32).max))
