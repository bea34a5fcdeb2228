# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Tell whether saved weights are those of a module."""


def check_fits(module, tensors):
    """Raise unless the tensors have the names and shapes of the module's."""
    expected = {name: tuple(t.shape) for name, t in module.state_dict().items()}
    found = {name: tuple(t.shape) for name, t in tensors.items()}
    differing = sorted(
        name
        for name in expected.keys() | found.keys()
        if expected.get(name) != found.get(name)
    )
    if differing:
        shapes = ", ".join(
            f"{name}: {found.get(name, 'none')} in the file, "
            f"{expected.get(name, 'none')} in the module"
            for name in differing
        )
        raise ValueError(
            "The file has the weights of another module. Make the estimator with the "
            f"module that was saved. Shapes differ: {shapes}."
        )
