# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""LoraTuning: learn adapters of the upper layers together with the flag's row."""

from numbers import Integral, Real
from typing import ClassVar

from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from skperf.llm.tuning._lora_training import LoraTraining
from skperf.utils._sklearn import Interval


class LoraTuning(BaseEstimator):
    r"""Learn low-rank adapters of the upper layers together with the flag's row.

    For the `tuning` of :class:`RedFlagClassifier`. Training starts from the row of
    token tuning and takes Adam's steps on the loss of [1]_. It needs peft, and the
    whole model: ``layer=None``. The adapters [2]_ are kept in the classifier, and the
    language model stays as it is.

    Parameters
    ----------
    rank : int, default=16
        Rank of the adapters.

    n_layers : int, default=6
        Adapters are put into so many layers, counted from the top, or into all if
        there are fewer. What the layers below put out is computed once and cached.

    learning_rate : float, default=1e-3
        Size of the first steps of Adam. It falls linearly to 0.

    n_epochs : int, default=3
        How often each text is trained on. With 0 the adapters do nothing.

    batch_size : int, default=8
        Texts in a step.

    loss_weights : tuple of 3 floats, default=(1.0, 1.0, 1.0)
        Weights of the terms of the loss: the flag in flagged texts, the divergence in
        the other texts, and the divergence after a flag that was fed back.

    min_offset : int, default=0
        Tokens of a flagged text before the first one after which the flag is taught.
        If a text has no more tokens, it is taught after the last one.

    feed_back : bool, default=False
        Whether the flag is put into flagged texts at a random place, and the model is
        held to go on as if it were not there. A detector never reads its own flag; set
        this if the flag is generated. It costs a pass of the lower layers.

    random_state : int, RandomState instance or None, default=None
        Draws the adapters' start, the order of the texts and the trained positions.
        Torch's own random state is not touched.

    See Also
    --------
    TokenTuning : The flag's row alone.

    Notes
    -----
    With adapters the distribution of the other tokens moves, and the divergence from
    the base model is the sum of the flag's mass, the mean of :math:`-\log(1 - p)`, and
    of the drift, :math:`\mathrm{KL}(p_\mathrm{ref} \| q)` with q the model given that
    it does not raise the flag. The loss of a flagged text is the mean of
    :math:`-\log p(\text{flag})` from `min_offset` to an end that is drawn in each
    epoch, and that of another text its divergence, by up to 16 positions drawn from
    each. With `feed_back` the divergence from the flag on is added.

    References
    ----------
    .. [1] S. Xhonneux, D. Dobre, M. Mofakhami, L. Schwinn, G. Gidel, "A generative
       approach to LLM harmfulness detection with special red flag tokens", 2025.

    .. [2] Edward Hu et al., "LoRA: Low-rank adaptation of large language models", 2022.

    Examples
    --------
    >>> from skperf.llm import LoraTuning, RedFlagClassifier
    >>> clf = RedFlagClassifier("some-model", tuning=LoraTuning(rank=8))
    >>> clf.set_params(tuning__n_epochs=1)
    RedFlagClassifier(language_model='some-model',
                      tuning=LoraTuning(n_epochs=1, rank=8))
    """

    _parameter_constraints: ClassVar[dict] = {
        "rank": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_epochs": [Interval(Integral, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "loss_weights": [tuple, list],
        "min_offset": [Interval(Integral, 0, None, closed="left")],
        "feed_back": ["boolean"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        rank=16,
        *,
        n_layers=6,
        learning_rate=1e-3,
        n_epochs=3,
        batch_size=8,
        loss_weights=(1.0, 1.0, 1.0),
        min_offset=0,
        feed_back=False,
        random_state=None,
    ):
        self.rank = rank
        self.n_layers = n_layers
        self.learning_rate = learning_rate
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.loss_weights = loss_weights
        self.min_offset = min_offset
        self.feed_back = feed_back
        self.random_state = random_state

    def check(self, layer):
        """Raise a ValueError unless the parameters are valid for a layer.

        Parameters
        ----------
        layer : int or None
            The classifier's; adapters need the whole model, which is None.
        """
        self._validate_params()
        if layer is not None:
            raise ValueError(
                "LoraTuning compares the tokens' probabilities with what they were and "
                f"so needs the whole model; got layer={layer}. Set layer=None, or "
                "tuning=TokenTuning()."
            )
        numbers = [w for w in self.loss_weights if isinstance(w, Real) and w >= 0]
        if not len(numbers) == len(self.loss_weights) == 3:
            raise ValueError(
                "loss_weights should be three numbers from 0 on: for the flag, for "
                f"texts without it, and after it; got {self.loss_weights!r}."
            )

    def tune(self, language_model, texts, flagged, weight, row, fit_intercept):
        """Train adapters, and the row with them.

        Parameters
        ----------
        language_model : LanguageModel
            The handle. Its model is left as it is.

        texts : list of TokenizedText
            The texts.

        flagged : ndarray of shape (n_texts,)
            1 for a text that the flag belongs to, otherwise 0.

        weight : ndarray of shape (n_texts,)
            Weights of the texts.

        row : FlagRow
            The row to start from.

        fit_intercept : bool
            Whether the row's intercept is learnt.

        Returns
        -------
        row : FlagRow
            The row.

        attributes : dict
            What a classifier has only after this tuning.

        Raises
        ------
        ValueError
            If the loss is no longer finite.
        """
        rng = check_random_state(self.random_state)
        training = LoraTraining(
            language_model, texts, flagged, weight, row, self, rng, fit_intercept
        )
        curves = training.run()
        weights = training.layers.weights()
        return training.row(), {"lora_weights_": weights, "loss_curve_": curves}
