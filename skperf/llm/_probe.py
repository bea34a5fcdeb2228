# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""MeanStatesProbe: what a red flag has to be better than."""

from numbers import Integral, Real
from pathlib import Path
from typing import ClassVar

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skperf.llm._flagged_class import find_flagged
from skperf.llm._forms import forms_of
from skperf.llm._text_classifier import TextClassifier
from skperf.llm.model._language_model import LanguageModel, as_language_model
from skperf.utils._conversations import rows_of
from skperf.utils._sklearn import (
    Interval,
    StrOptions,
    _check_sample_weight,
    _fit_context,
)


class MeanStatesProbe(TextClassifier):
    """Logistic regression on the mean of a language model's hidden states.

    The usual classifier beside a language model, and the one to compare a red flag
    with: it is linear in the same states, and learns what is right for the mean of a
    text where a flag learns what is right at each position.

    Parameters
    ----------
    language_model : LanguageModel, str, path-like or tuple
        As in :class:`RedFlagClassifier`, with which a handle can be shared.

    pos_label : int, float, bool or str, default=None
        The label of the texts to flag. None means the 1 of labels that are 0 and 1, -1
        and 1, or False and True. Other labels need it.

    layer : int, default=None
        The layer that is read, from 1. None means the last one.

    C : float, default=0.01
        Inverse strength of the L2 penalty, as in LogisticRegression, on states in units
        of their standard deviations.

    class_weight : "balanced" or dict, default=None
        Weights of the classes, as in LogisticRegression.

    max_iter : int, default=1000
        The most iterations of the solver.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        Labels, sorted.

    pos_label_ : int, float, bool or str
        The label of the texts to flag.

    coef_ : ndarray of shape (n_hidden,)
        Slopes of the log-odds, for states as they are.

    intercept_ : float
        Intercept of the log-odds.

    threshold_ : float or dict of str to float
        Log-odds above which `predict` gives ``pos_label_``: 0 after `fit`, and what
        :meth:`fit_threshold` makes of it.

    threshold_looks_, threshold_by_ : str, str or None
        What :meth:`fit_threshold` was told.

    forms_ : list of str
        Which of "chats" and "texts" it was fitted on; a pair is a chat if there is a
        chat template. Being asked about the other raises a warning.

    layer_ : int
        The layer that was read.

    language_model_ : LanguageModel
        The handle.

    n_iter_ : int
        Iterations of the solver.

    See Also
    --------
    RedFlagClassifier : A flag that the language model itself can raise.
    skperf.metrics.evaluate_detectors : Compares the two.

    Notes
    -----
    A mean of states has the mean of their log-odds. So there are log-odds of positions
    and of beginnings of a text, as a red flag has them.

    References
    ----------
    .. [1] G. Alain, Y. Bengio, "Understanding intermediate layers using linear
       classifier probes", 2016.

    Examples
    --------
    A random model of words stands in for a real one:

    >>> import torch
    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    >>> words = {word: i for i, word in enumerate("? we had tea he dies".split())}
    >>> tokenizer = Tokenizer(models.WordLevel(words, unk_token="?"))
    >>> tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    >>> config = LlamaConfig(
    ...     vocab_size=6, hidden_size=8, intermediate_size=8, num_attention_heads=2,
    ...     num_hidden_layers=1,
    ... )
    >>> from skperf.llm import LanguageModel, MeanStatesProbe
    >>> _ = torch.manual_seed(0)
    >>> language_model = LanguageModel(LlamaForCausalLM(config), tokenizer)
    >>> probe = MeanStatesProbe(language_model, C=1)
    >>> probe = probe.fit(["we had tea", "he dies", "tea", "dies"], [0, 1, 0, 1])
    >>> probe.predict(["we had", "he"])
    array([0, 1])
    """

    _parameter_constraints: ClassVar[dict] = {
        "language_model": [LanguageModel, str, Path, tuple],
        "pos_label": [Real, str, "boolean", None],
        "layer": [Interval(Integral, 1, None, closed="left"), None],
        "C": [Interval(Real, 0, None, closed="neither")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    # How a text's log-odds are made of those of its positions.
    aggregate_, window_, center_, text_intercept_ = "mean", 1, 0.0, 0.0

    def __init__(
        self,
        language_model,
        *,
        pos_label=None,
        layer=None,
        C=0.01,
        class_weight=None,
        max_iter=1000,
    ):
        self.language_model = language_model
        self.pos_label = pos_label
        self.layer = layer
        self.C = C
        self.class_weight = class_weight
        self.max_iter = max_iter

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Learn the log-odds.

        Parameters
        ----------
        X : iterable of length n_samples, or table with one or two columns
            Strings, (prompt, response) pairs, or chats, as in
            :meth:`RedFlagClassifier.fit`.

        y : array-like of shape (n_samples,)
            Labels of two classes.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the texts. None means equal weights.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a text has no token, if there are not two classes, or if they do not say
            which is flagged.
        """
        language_model = as_language_model(self.language_model)
        rows = rows_of(X)
        texts = language_model.tokenize(rows)
        labels, flagged = find_flagged(y, texts, self.pos_label)
        sample_weight = _check_sample_weight(
            sample_weight, texts, dtype=float, ensure_non_negative=True
        )
        weight = self._weigh(labels, flagged, sample_weight)
        layer = self.layer or _n_layers(language_model)
        states = language_model.states(texts, layer)
        means = np.array(
            [part.hidden.double().mean(dim=0).cpu().numpy() for part in states]
        )
        scaler, model = self._fit_means(means, flagged, weight)
        self.coef_ = model.coef_[0] / scaler.scale_
        self.intercept_ = float(model.intercept_[0] - self.coef_ @ scaler.mean_)
        self.forms_ = forms_of(rows, language_model.tokenizer)
        self.classes_, self.pos_label_ = np.sort(labels), labels.tolist()[1]
        self.language_model_, self.layer_ = language_model, layer
        self.n_iter_ = int(model.n_iter_[0])
        self._forget_thresholds()
        return self

    def _fit_means(self, means, flagged, weight):
        scaler = StandardScaler().fit(means, sample_weight=weight)
        model = LogisticRegression(C=self.C, max_iter=self.max_iter)
        return scaler, model.fit(scaler.transform(means), flagged, weight)


def _n_layers(language_model):
    return language_model.model.config.get_text_config().num_hidden_layers
