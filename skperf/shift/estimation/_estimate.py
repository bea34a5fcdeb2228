# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Estimate how strongly people react from what was seen of deployed models."""

from collections.abc import Iterable, Sequence

import numpy as np

from skperf.shift._base import BaseShift
from skperf.shift._deployment import Deployment
from skperf.shift.estimation._equations import Equations
from skperf.shift.estimation._memoryless import require_memoryless
from skperf.shift.estimation._pool import pool
from skperf.shift.estimation._records import check_deployments, require_told
from skperf.shift.estimation._result import (
    FormCheck,
    ShiftEstimate,
    require_level,
    with_strengths,
)
from skperf.shift.estimation._simulation import fit_by_simulation
from skperf.utils._arguments import require_shift


def estimate_shift(
    shift: BaseShift,
    deployments: Deployment | Iterable[Deployment],
    *,
    params: Sequence[str] | None = None,
    confidence: float = 0.95,
) -> ShiftEstimate:
    r"""Estimate how strongly people react.

    A model's predictions are a function of people's features, and features have effects
    of their own. So one deployed model does not tell its own effect apart from theirs,
    however many rows were seen. These do:

    - people before and after they met it (``before``), sharpest as *pairs*, the same
      people in both (``paired=True``);
    - for reactions of outcomes, a random number that was added to each prediction
      (``perturbation``), or several models that people got by chance, a deployment
      each.

    Parameters
    ----------
    shift : BaseShift
        The form of the reaction. :class:`ResampleIfRejected`, :class:`OutcomeShift`,
        :class:`SelfFulfillingShift` and :class:`StrategicResponse` have estimating
        equations of their own. Samples of all other shifts, and compositions, are
        compared with the data, starting from the values that they have.

    deployments : Deployment or iterable of Deployment
        What was seen.

    params : sequence of str, default=None
        Names of the numeric parameters to estimate, as in ``get_params``, such as
        ``["reject__delta"]``. None takes all of ``shift.strengths``.

    confidence : float, default=0.95
        Level of the intervals.

    Returns
    -------
    estimate : ShiftEstimate
        The fitted shift, estimates and intervals, and a check of the form.

    Raises
    ------
    UnidentifiedError
        If the data cannot tell, with an experiment that would; they never can of a
        shift that remembers past models.

    ValueError
        If the deployments lack what the shift needs.

    See Also
    --------
    plan_experiment : How many rows a wanted interval takes.

    Notes
    -----
    Covariances are sandwiches: they hold for any noise, and count people and not rows
    where samples have ``groups``. Several deployments are pooled with the least
    variance, shared people counted once. Intervals are normal.

    - ResampleIfRejected: pairs by maximum likelihood of who moved,
      :math:`g = \delta + (1 - \delta) \hat y`. Otherwise by the mean prediction, which
      falls by :math:`(1 - \delta) \operatorname{Var}(\hat y)` for whole rows; with
      strategic columns, by the mean prediction of people with columns of others. Pairs
      are about seven times sharper.
    - OutcomeShift: pairs by least squares of moves on predictions; otherwise by two
      stages, in which only chance (perturbation or model) explains the prediction, with
      the numeric features as covariates.
    - SelfFulfillingShift: pairs by maximum likelihood of who turned; otherwise those
      who have stayed stand for 1 / (1 - a f) who would have without the prediction f,
      as many in every arm. Outcomes without a model need not be known.
    - StrategicResponse: pairs by least squares of moves on gradients, otherwise by the
      mean score.

    For outcomes, ``before`` counts as an arm of people who were told nothing, 0. What
    else has changed with time is then taken for a reaction: arms of one time are safer.

    References
    ----------
    .. [1] Licong Lin, Tijana Zrnic, "Plug-in Performative Optimization", ICML 2024.
    .. [2] C. Mendler-Dünner, F. Ding, Y. Wang, "Anticipating Performativity by
       Predicting from Predictions", NeurIPS 2022.

    Examples
    --------
    People who were paired, before and after they met a model:

    >>> import numpy as np
    >>> from skperf.shift import Deployment, ResampleIfRejected, Sample, estimate_shift
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(2000, 2)), rng.integers(0, 2, 2000)
    >>> y_pred = 1 / (1 + np.exp(-X[:, 0]))
    >>> world = ResampleIfRejected(0.3, resampling="drawn").bind(X, y, random_state=0)
    >>> deployment = Deployment(Sample(X, y), world(y_pred), y_pred=y_pred, paired=True)
    >>> print(estimate_shift(ResampleIfRejected(0.5), deployment))
    delta = 0.316, 95% interval 0.277 to 0.354
    form: p = 0.59
    """
    require_shift(shift)
    require_memoryless(shift)
    require_level(confidence)
    known = dict(shift.strengths)
    names = _names(shift, list(known) if params is None else list(params))
    records = check_deployments(deployments)
    require_told(records)
    equations = _equations(shift, records) if names == list(known) else None
    if equations is None:
        values, covariance, misfit = fit_by_simulation(shift, names, records)
    else:
        value, variance, misfit = pool([each.solve() for each in equations])
        values, covariance = np.array([value]), np.array([[variance]])
    found = dict(zip(names, values.tolist(), strict=True))
    return ShiftEstimate(
        with_strengths(shift, found, known),
        found,
        covariance,
        FormCheck.of(misfit),
        confidence,
        "simulation" if equations is None else "equations",
        len(records),
        {name: known[name] for name in names if name in known},
    )


def _equations(
    shift: BaseShift, records: Sequence[Deployment]
) -> list[Equations] | None:
    """Return the equations of a shift; subclasses that react otherwise have none."""
    kinds = type(shift).__mro__
    own, react, bind = (
        next(i for i, kind in enumerate(kinds) if name in vars(kind))
        for name in ("reaction_equations", "sample", "bind")
    )
    return None if min(react, bind) < own else shift.reaction_equations(records)


def _names(shift: BaseShift, names: list[str]) -> list[str]:
    """Return the parameters to estimate, or say what they could be."""
    values = shift.get_params()
    if not names:
        raise ValueError(
            f"{type(shift).__name__} does not say which of its parameters are "
            f"strengths. Name them: params=[...], of {sorted(values)}; or give the "
            "class an attribute strengths = {name: skperf.shift.Strength()}."
        )
    strange = [name for name in names if not _is_number(values.get(name))]
    if strange or len(set(names)) < len(names):
        raise ValueError(
            f"params={names} must be different names of parameters that are numbers; "
            f"{strange} are not. Those of {type(shift).__name__} are {sorted(values)}."
        )
    return names


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
