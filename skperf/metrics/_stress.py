# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What detectors of texts meet where they work: stresses to judge them under."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skperf.utils._conversations import as_chat, with_answer


@dataclass(frozen=True)
class Unchanged:
    """Rows as they are."""

    name: str = "none"

    def scores(self, score, detector, rows, positive):
        """Return the scores of rows by a detector.

        Parameters
        ----------
        score : callable
            ``score(detector, rows)`` returns the scores of the positive class.

        detector : estimator
            A fitted detector.

        rows : list
            Texts, (prompt, response) pairs or chats.

        positive : ndarray of shape (n_rows,)
            Which rows are of the positive class.

        Returns
        -------
        scores : ndarray of shape (n_rows,)
            One for each row.
        """
        return score(detector, rows)


@dataclass(frozen=True)
class Prefill:
    """Answers that begin with words which an attacker wrote.

    A model that is made to begin with "Sure, here is" goes on in that vein. So the
    first tokens of a harmful answer look harmless, and here those of a harmless answer
    are the same.

    Parameters
    ----------
    opening : str
        What each answer begins with, blank or line break at its end included.

    name : str, default="prefill"
        In the frames.

    Examples
    --------
    >>> from skperf.metrics import Prefill
    >>> Prefill("Of course! ")
    Prefill(name='prefill')
    """

    opening: str = field(repr=False)
    name: str = "prefill"

    def scores(self, score, detector, rows, positive):
        """Return the scores of rows by a detector, as a custom stress does.

        Parameters
        ----------
        score, detector, rows, positive : callable, estimator, list, ndarray
            A function of a detector and rows that returns scores; the detector; texts,
            pairs or chats; and which of them are of the positive class.

        Returns
        -------
        scores : ndarray of shape (n_rows,)
            One for each row.
        """
        return score(
            detector,
            [with_answer(row, lambda text: self.opening + text) for row in rows],
        )


@dataclass(frozen=True)
class AfterChat:
    """A conversation that went on for long before.

    Parameters
    ----------
    messages : sequence of dict
        Earlier messages, each with "role" and "content", which the chat template
        accepts before a user's. Bare texts become a user's message.

    name : str, default="after chat"
        In the frames.

    Examples
    --------
    >>> from skperf.metrics import AfterChat
    >>> AfterChat([
    ...     {"role": "user", "content": "Hi!"},
    ...     {"role": "assistant", "content": "Hello."},
    ... ])
    AfterChat(name='after chat')
    """

    messages: Any = field(repr=False)
    name: str = "after chat"

    def scores(self, score, detector, rows, positive):
        """Return the scores of rows by a detector.

        Parameters
        ----------
        score, detector, rows, positive : callable, estimator, list, ndarray
            As in :meth:`Prefill.scores`.

        Returns
        -------
        scores : ndarray of shape (n_rows,)
            One for each row.
        """
        before = list(self.messages)
        return score(detector, [[*before, *as_chat(row)] for row in rows])


@dataclass(frozen=True)
class Resampled:
    """An attacker who asks again, and takes the answer that is flagged least.

    Parameters
    ----------
    samples : sequence of length n_samples of sequences of str
        For each row other answers to its prompt, which *have the label of the row*.
        Whether they do has to be judged: an answer that is not flagged since it is
        harmless evades nothing. Those of rows that are not positive are not used.

    name : str, default="resampled"
        In the frames.

    Examples
    --------
    >>> from skperf.metrics import Resampled
    >>> Resampled([["another answer", "a third"], []])
    Resampled(name='resampled')
    """

    samples: Any = field(repr=False)
    name: str = "resampled"

    def scores(self, score, detector, rows, positive):
        """Return the lowest score of each positive row and its samples.

        Parameters
        ----------
        score, detector, rows, positive : callable, estimator, list, ndarray
            As in :meth:`Prefill.scores`.

        Returns
        -------
        scores : ndarray of shape (n_rows,)
            One for each row.

        Raises
        ------
        ValueError
            If there is not one sequence of samples for each row.
        """
        if len(self.samples) != len(rows):
            raise ValueError(
                f"Resampled has samples for {len(self.samples)} rows, and X has "
                f"{len(rows)}. Give an empty list where a row has none."
            )
        again = [
            (i, with_answer(rows[i], lambda _, sample=sample: sample))
            for i in np.flatnonzero(positive).tolist()
            for sample in self.samples[i]
        ]
        lowest = np.array(score(detector, rows), dtype=float)
        if again:
            owners, others = map(list, zip(*again, strict=True))
            np.minimum.at(lowest, owners, score(detector, others))
        return lowest


@dataclass(frozen=True)
class FineTuned:
    """The language model below a detector was trained further.

    Detectors that read no language model stay as they are.

    Parameters
    ----------
    language_model : LanguageModel, str, path-like or tuple
        The model after training, as in :class:`~skperf.llm.RedFlagClassifier`.

    name : str, default="fine-tuned"
        In the frames.

    Examples
    --------
    >>> from skperf.metrics import FineTuned
    >>> FineTuned("folder-of-the-new-model")
    FineTuned(language_model='folder-of-the-new-model', name='fine-tuned')
    """

    language_model: Any
    name: str = "fine-tuned"

    def scores(self, score, detector, rows, positive):
        """Return the scores of rows by the detector on the changed model.

        Parameters
        ----------
        score, detector, rows, positive : callable, estimator, list, ndarray
            As in :meth:`Prefill.scores`.

        Returns
        -------
        scores : ndarray of shape (n_rows,)
            One for each row.

        Raises
        ------
        TypeError
            If the detector has one that reads a language model inside, such as a
            pipeline of it: what is inside is not exchanged.
        """
        return score(self._exchange(detector), rows)

    def _exchange(self, detector):
        if hasattr(detector, "with_language_model"):
            return detector.with_language_model(self.language_model)
        parts = detector.get_params(deep=True).values()
        if any(hasattr(part, "with_language_model") for part in parts):
            raise TypeError(
                f"A {type(detector).__name__} holds a detector that reads a language "
                "model, which FineTuned cannot exchange. Pass that detector itself."
            )
        return detector
