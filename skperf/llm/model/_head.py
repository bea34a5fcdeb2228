# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""The output head of a model, with all that the model does to its logits."""

import math

import torch

from skperf.llm.model._logit_function import LogitFunction
from skperf.llm.model._memory import logits_at_once
from skperf.llm.model._modules import evaluating, replace_module

# Products that show what is done to them: small ones the scale, huge ones the cap.
_PRODUCTS = [1e-4, 1e6, -1e6, 0.1, 0.5, -1.0, 3.0, -10.0, 30.0, 100.0]


class OutputHead(torch.nn.Module):
    """Makes logits of last hidden states as the model does, in float32 or more.

    Parameters
    ----------
    linear : torch.nn.Module
        The model's own head, with the output matrix.

    function : LogitFunction
        What the model does before and after it.
    """

    def __init__(self, linear, function):
        super().__init__()
        self.linear, self.function = linear, function

    @property
    def weight(self):
        """The output matrix."""
        return self.linear.weight

    def forward(self, hidden):
        """Return logits of shape (n_positions, n_tokens)."""
        products = self._products(hidden)
        return self.function.of(products.to(_exact(products.dtype)))

    def coarse(self, hidden):
        """Return logits in the precision of the output matrix where they have it."""
        if self.function.scale == 1 and math.isinf(self.function.cap):
            return self._products(hidden)
        return self(hidden)

    def _products(self, hidden):
        if self.function.before != 1:
            hidden = hidden * self.function.before
        return self.linear(hidden)


def _exact(dtype):
    """Return the precision that sums over tokens need."""
    return torch.promote_types(dtype, torch.float32)


def output_head(model):
    """Return the OutputHead of a model, found by running it.

    Raises
    ------
    ValueError
        If there is none, or if logits are not scaled and capped products.
    """
    linear = model.get_output_embeddings()
    name = type(model).__name__
    if linear is None:
        raise ValueError(
            f"{name} has no output head, so a flag cannot compete with other tokens. "
            "Load a model for causal language modelling, or choose a layer, which "
            "needs no head."
        )
    _check_is_matrix(linear, name)
    head = _find(model, linear)
    if head is None:
        raise ValueError(
            f"{name} transforms the logits of its output head in a way that is not "
            "supported: they should be products of hidden states and rows, scaled or "
            "capped. Choose a layer, which needs no head."
        )
    return head


def _check_is_matrix(linear, name):
    weight = getattr(linear, "weight", None)
    if not isinstance(weight, torch.Tensor) or not weight.is_floating_point():
        raise ValueError(
            f"The output head of {name} is quantized, so a row for the flag cannot be "
            "put beside the others. Load it with the head in float32 or bfloat16, or "
            "choose a layer, which needs no head."
        )


def _find(model, linear):
    n_tokens = min(4, len(model.get_input_embeddings().weight))
    tokens = torch.arange(n_tokens, device=model.device)[None]
    with torch.no_grad(), evaluating(model):
        shown = _Shown(linear)
        logits = _run(_with_head(model, linear, shown), tokens).logits
        hidden = _run(model.base_model, tokens).last_hidden_state
        before = _ratio(shown.seen, hidden)
        function = _function(shown.products, logits[0, 0].double().cpu(), before)
        head = OutputHead(linear, function) if function else None
        if head and _is_close(_run(model, tokens).logits, head(hidden)):
            return head
    return None


def _run(module, tokens):
    return module(input_ids=tokens, use_cache=False, return_dict=True)


def _with_head(model, linear, head):
    (name,) = (name for name, module in model.named_modules() if module is linear)
    return replace_module(model, name, head)


class _Shown(torch.nn.Module):
    """A head that gives the same products for all states, and keeps these."""

    def __init__(self, linear):
        super().__init__()
        self.weight, self.seen = linear.weight, None
        products = torch.tensor(_PRODUCTS, dtype=torch.float64)
        self.products = products[torch.arange(len(self.weight)) % len(products)]

    def forward(self, hidden):
        self.seen = hidden
        products = self.products.to(hidden.device)  # weights may be elsewhere
        return products.expand(*hidden.shape[:-1], -1)


def _ratio(seen, hidden):
    """Return what states are multiplied by; nan if the head was not used so."""
    if seen is None or seen.shape != hidden.shape:
        return math.nan
    if torch.equal(seen, hidden) or not hidden.isfinite().all():
        return 1.0
    seen, hidden = seen.double().flatten(), hidden.double().flatten()
    return (seen @ hidden / (hidden @ hidden)).item()


def _function(products, logits, before):
    """Return the LogitFunction that products show; None if it is not one."""
    if logits.shape != products.shape or not math.isfinite(before) or before == 0:
        return None
    small, huge = (logits[i].item() / products[i].item() for i in (0, 1))
    scale = _simple(small)
    cap = abs(huge) * products[1].item() if abs(huge) < 0.99 * abs(scale) else math.inf
    function = LogitFunction(before, scale, _simple(cap))
    shown = torch.isclose(function.of(products), logits, rtol=1e-4, atol=1e-9)
    return function if scale and shown.all() else None


def _simple(number):
    """Return a number without the rounding of float32, where it is a short one."""
    short = float(f"{number:.5g}")
    return short if math.isclose(number, short, rel_tol=1e-6) else number


def _is_close(logits, made):
    logits, made, dtype = logits[0].double(), made[0].double(), logits.dtype
    if not logits.isfinite().all():  # said where it is scored
        return True
    coarse = 16 * torch.finfo(dtype).eps
    scale = logits.abs().max().item()
    return torch.allclose(made, logits, rtol=0, atol=coarse * max(scale, 1))


def log_normalizer(head, hidden, flag_token_id, at_once=None):
    """Return log sum_v exp(z_v) over all tokens but the flag, of shape (n,).

    Logits are made for `at_once` positions at a time, and never for all of a batch.
    """
    at_once = at_once or positions_at_once(head)
    other = 0 if flag_token_id else 1  # any token but the flag
    parts = []
    for some in hidden.split(at_once):
        logits = head.coarse(some)
        logits[:, flag_token_id : flag_token_id + 1] = -torch.inf
        # on a GPU one pass over memory, where a copy and logsumexp take many
        log_p = logits.log_softmax(dim=1, dtype=_exact(logits.dtype))[:, other]
        parts.append(logits[:, other] - log_p)
    return torch.cat(parts)


def positions_at_once(head):
    """Return for how many positions logits are made at a time."""
    return max(logits_at_once(head.weight.device) // head.weight.shape[0], 1)
