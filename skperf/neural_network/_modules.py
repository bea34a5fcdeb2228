# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Torch modules of the field."""

import torch
from torch import nn


class ScaledSigmoid(nn.Module):
    r"""The last layer of a network with values between 0 and `scale`.

    The papers on Resample-if-Rejected train networks with values in
    :math:`[0, 1 - \delta]`, the head ``ScaledSigmoid(1 - delta)``.

    Parameters
    ----------
    scale : float, default=1.0
        The supremum of the output.

    Notes
    -----
    The papers write :math:`f \in [0, 1 - \delta]` for the network and
    :math:`g = f + \delta` for the probability that a row is rejected (section 5 of
    [1]_). ``ResampleIfRejected`` takes :math:`\hat y = f / (1 - \delta) \in [0, 1]` and
    rejects with the same probability,

    .. math:: g = \delta + (1 - \delta)\,\hat y = \delta + f.

    So three estimators are the same model: a regressor with the head
    ``ScaledSigmoid(1 - delta)``, targets in :math:`\{0, 1 - \delta\}` and predictions
    divided by ``1 - delta`` with ``TransformedPredictionShift``; a regressor with the
    head ``ScaledSigmoid()`` and targets in :math:`\{0, 1\}`; and a ``TorchClassifier``
    with ``loss="squared_error"`` and no head. The loss of the first is
    :math:`(1 - \delta)^2` times the loss of the others.

    References
    ----------
    .. [1] M. Mofakhami, I. Mitliagkas, G. Gidel, "Performative Prediction with Neural
       Networks", AISTATS 2023.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from skperf.neural_network import ScaledSigmoid
    >>> from skperf.shift import ResampleIfRejected
    >>> delta = 0.4
    >>> _ = torch.manual_seed(0)
    >>> net = nn.Sequential(nn.Linear(11, 8), nn.LeakyReLU(), nn.Linear(8, 1))
    >>> net.append(ScaledSigmoid(1 - delta))[-1]
    ScaledSigmoid(scale=0.6)
    >>> f = net(torch.randn(5, 11)).detach().numpy()[:, 0]
    >>> g = ResampleIfRejected(delta).rejection_probability(f / (1 - delta))
    >>> abs(g - (delta + f)).max() < 1e-6
    np.True_
    """

    def __init__(self, scale=1.0):
        super().__init__()
        self.scale = scale

    def forward(self, values):
        """Return ``scale * sigmoid(values)``.

        Parameters
        ----------
        values : torch.Tensor of any shape
            Output of the layer before.

        Returns
        -------
        scaled : torch.Tensor of the same shape
            Values between 0 and ``scale``.
        """
        return self.scale * torch.sigmoid(values)

    def extra_repr(self):
        """Return what ``repr`` shows between the parentheses.

        Returns
        -------
        text : str
            The parameter and its value.
        """
        return f"scale={self.scale}"
