"""How far the pixels reach through a network, measured: no table of layers to keep."""

import numpy as np

_NOTHING = 1e-6  # of the largest output: a change that small is rounding


def reach(function, inputs, seed=0):
    """Measures how many rows of the outputs depend on what lies beyond a cut through the middle of the inputs.

    A piece of a picture that is cut out there and goes through the function alone is wrong in that many rows.

    Args:
        function: list of float arrays [1, h_i, w_i, c_i] -> list of float arrays [1, H_j, W_j, C_j]; local, with
            proportional sides.
        inputs: examples; their heights are even.
        seed: of the noise that takes the place of one half, then of the other.

    Returns:
        List of numbers of rows, one for each output; from H_j / 2 on it means that the inputs are too small to tell.
    """
    rng = np.random.default_rng(seed)
    before = [np.asarray(output) for output in function(inputs)]
    rows = [0] * len(before)
    for upper in (True, False):
        changed = []
        for values in inputs:
            values, half = np.array(values), values.shape[1] // 2
            place = values[:, :half] if upper else values[:, half:]
            place[:] = rng.normal(np.mean(values), np.std(values) + 1e-3, place.shape)
            changed.append(values)
        for index, (old, new) in enumerate(zip(before, function(changed))):
            difference = np.max(np.abs(np.asarray(new) - old), axis=(0, 2, 3)) > _NOTHING * np.max(np.abs(old))
            difference = difference[len(difference) // 2 :] if upper else difference[: len(difference) // 2][::-1]
            rows[index] = max(rows[index], int(np.max(np.flatnonzero(difference), initial=-1)) + 1)
    return rows
