# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""Random numbers as a value: a few integers say which throw comes next."""

from typing import NamedTuple, Self

import numpy as np
from sklearn.utils import check_random_state

from skperf.shift._sample import Floats

_BLOCK = 4  # numbers that the generator makes at a time


class Dice(NamedTuple):
    """The random numbers of one round of a world.

    Two equal dice give the same numbers, in any process. The number of a row depends
    on the row alone, so that blocks of rows get what the whole table would.

    Parameters
    ----------
    seed : int
        Tells one world's numbers from another's.

    round : int, default=0
        Which throw it is.

    Notes
    -----
    The numbers come from Philox, a counter-based generator [1]_: the key holds seed and
    round, the counter the stream and the row.

    References
    ----------
    .. [1] J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel Random Numbers: As Easy as
       1, 2, 3", SC 2011.

    Examples
    --------
    >>> from skperf.shift import Dice
    >>> dice = Dice(seed=0)
    >>> whole = dice.uniform(6)
    >>> bool((dice.uniform(4, start=2) == whole[2:]).all())
    True
    >>> dice.thrown()
    Dice(seed=0, round=1)
    """

    seed: int
    round: int = 0

    @classmethod
    def from_random_state(
        cls, random_state: int | np.random.RandomState | None = None
    ) -> Self:
        """Make dice whose seed is drawn from a random state.

        Parameters
        ----------
        random_state : int, RandomState instance or None, default=None
            An instance is advanced by one number.

        Returns
        -------
        dice : Dice
            The first throw.
        """
        rng = check_random_state(random_state)
        return cls(int(rng.randint(np.iinfo(np.int32).max)))

    def thrown(self) -> Self:
        """Return the dice of the next round.

        Returns
        -------
        dice : Dice
            The next throw.
        """
        return self._replace(round=self.round + 1)

    def uniform(self, n_samples: int, *, start: int = 0, stream: int = 0) -> Floats:
        """Return a number in [0, 1) for each of some consecutive rows.

        Parameters
        ----------
        n_samples : int
            Number of rows.

        start : int, default=0
            The first of them.

        stream : int, default=0
            Streams have independent numbers.

        Returns
        -------
        numbers : ndarray of shape (n_samples,)
            The numbers of the rows ``start, ..., start + n_samples - 1``.
        """
        skipped = start % _BLOCK
        generator = self._bits(stream)
        generator.advance(start // _BLOCK)
        return np.random.Generator(generator).random(skipped + n_samples)[skipped:]

    def random_state(self) -> np.random.RandomState:
        """Return a generator of NumPy's that starts at this throw.

        Returns
        -------
        random_state : RandomState
            Made anew by each call, in a stream of its own.
        """
        return np.random.RandomState(self._bits(_AUTHORS))

    def _bits(self, stream: int) -> np.random.Philox:
        return np.random.Philox(key=[self.seed, self.round], counter=[0, 0, 0, stream])


_AUTHORS = 2**32  # the stream of RandomState, beyond those that shifts count up
