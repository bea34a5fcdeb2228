# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Whether what was learnt of one language model can be used with another."""


def require_like(language_model, other):
    """Raise a ValueError unless two handles have the same sizes and tokens."""
    ours, theirs = _describe(language_model), _describe(other)
    differing = [name for name in ours if ours[name] != theirs[name]]
    if differing:
        raise ValueError(
            f"The other language model has another {' and another '.join(differing)}, "
            "so what was learnt does not apply to it. Fit a classifier of its own."
        )


def _describe(language_model):
    config = language_model.model.config.get_text_config()
    tokenizer = language_model.tokenizer
    return {
        "number of layers": config.num_hidden_layers,
        "hidden size": config.hidden_size,
        "vocabulary": tokenizer.get_vocab(),
        "chat template": tokenizer.chat_template,
        "flag token": language_model.flag_token_id,
    }
