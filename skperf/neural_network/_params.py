# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Parameters of the module and the optimizer as parameters of the estimator."""

_OWNERS = ("module", "optimizer")


class NestedParamsMixin:
    """Entries of ``module_params`` as ``module__<name>``; the optimizer's likewise."""

    def get_params(self, deep=True):
        """Get the parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            If True, also the entries of ``module_params`` as ``module__<name>`` and of
            ``optimizer_params`` as ``optimizer__<name>``.

        Returns
        -------
        params : dict
            Parameter names and their values.
        """
        params = super().get_params(deep=deep)
        for owner in _OWNERS if deep else ():
            entries = params[f"{owner}_params"]
            if isinstance(entries, dict):
                params.update({f"{owner}__{k}": v for k, v in entries.items()})
        return params

    def set_params(self, **params):
        """Set parameters of this estimator.

        Parameters
        ----------
        **params : dict
            Parameters by name. ``module__<name>`` and ``optimizer__<name>`` change one
            entry of ``module_params`` or ``optimizer_params``, or add it.

        Returns
        -------
        self : object
            This estimator.
        """
        entries = {owner: {} for owner in _OWNERS}
        for key in list(params):
            owner, _, name = key.partition("__")
            if owner in _OWNERS and name:
                entries[owner][name] = params.pop(key)
        super().set_params(**params)
        for owner, changed in entries.items():
            if changed:
                # a new dict, as clones and defaults may share the old one
                old = getattr(self, f"{owner}_params") or {}
                setattr(self, f"{owner}_params", {**old, **changed})
        return self
