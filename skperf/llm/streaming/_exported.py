# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What an exported model says about its flag."""

from typing import NamedTuple

from skperf.llm._aggregates import AGGREGATES, TextScore
from skperf.llm.streaming._growing import special_tokens
from skperf.llm.streaming._written import Vocabulary


class Exported(NamedTuple):
    """The flag of a model that has it.

    Attributes
    ----------
    token_id : int
        Its number.

    text_score : TextScore
        How the log-odds of a text are made of those of its positions.

    threshold : float
        Log-odds above which an answer is flagged.

    looks_at_all : bool
        Whether the threshold is for all beginnings of a text.
    """

    token_id: int
    text_score: TextScore
    threshold: float
    looks_at_all: bool


def read_exported(model, threshold, aggregate):
    """Return the Exported of a model's configuration, with changes.

    Raises
    ------
    ValueError
        If the model has no flag, or does not say what is asked for.
    """
    config = model.config.get_text_config()
    found = getattr(config, "red_flag", None)
    if found is None:
        raise ValueError(
            f"The configuration of this {type(model).__name__} names no red flag among "
            "its tokens. Load a model that RedFlagClassifier.export has written, or "
            "use clf.stopping_criteria, which reads texts with the classifier's model."
        )
    text_score = TextScore(**found["text_score"])
    if aggregate is not None:
        text_score = text_score._replace(aggregate=aggregate)
    _check_aggregate(text_score.aggregate)
    chosen = _threshold(found["threshold"]) if threshold is None else float(threshold)
    return Exported(
        config.red_flag_token_id, text_score, chosen, found["looks"] == "every"
    )


def _check_aggregate(aggregate):
    if not callable(aggregate) and aggregate not in AGGREGATES:
        raise ValueError(
            f"aggregate should be a function, or one of {sorted(AGGREGATES)}; got "
            f"{aggregate!r}. None means that of the classifier, unless that is a "
            "function: a folder holds none, so pass it again."
        )


def _threshold(found):
    """Return the threshold for answers, where there are several."""
    if not isinstance(found, dict):
        return found
    if "assistant" not in found:
        raise ValueError(
            f"The thresholds are by kind of text, {sorted(found)}. Pass the one for "
            "what is written here: threshold=..."
        )
    return found["assistant"]


def vocabulary_of(model, tokenizer, pad_token_id):
    """Return which tokens are text, what ends it, and what pads it."""
    ends = ends_of(model)
    config = model.generation_config
    choices = [pad_token_id, config.pad_token_id, tokenizer.pad_token_id, *ends, None]
    pad = next((choice for choice in choices if choice is not None), -1)
    return Vocabulary(special_tokens(tokenizer), set(ends), pad)


def ends_of(model):
    """Return the tokens at which generate ends a row."""
    ends = model.generation_config.eos_token_id
    return [] if ends is None else list(ends) if isinstance(ends, list) else [ends]
