# Authors: The skperf developers
# SPDX-License-Identifier: BSD-3-Clause

"""What a call of generate has written, with the flag's log-odds after each token."""

from copy import deepcopy


class Node:
    """A place in a text that is written, and in all texts that start like this.

    Beams change their past and drop texts that may still be returned: a tree keeps all
    that was ever read.

    Attributes
    ----------
    log_odds : float or None
        The flag's after the last token; None if that was not read.

    children : dict of int to Node
        How it went on, by token.
    """

    __slots__ = ("children", "log_odds")

    def __init__(self):
        self.log_odds = None
        self.children = {}

    def next(self, token):
        """Return where a token leads to."""
        return self.children.setdefault(token, Node())


class Vocabulary:
    """Which tokens are text.

    Parameters
    ----------
    special : set of int
        Tokens that are read but not scored.

    ends : set of int
        Tokens that end a text: what follows is padding.

    pad : int
        The padding. It is text where other text follows.
    """

    def __init__(self, special, ends, pad):
        self.special, self.ends, self.pad = special, ends, pad

    def scored(self, tokens):
        """Return which of the tokens written are text."""
        end = next((i for i, t in enumerate(tokens) if t in self.ends), len(tokens))
        while end and tokens[end - 1] == self.pad:
            end -= 1
        return [i < end and t not in self.special for i, t in enumerate(tokens)]


class Row:
    """A text that is being written.

    Parameters
    ----------
    node : Node
        Where it is.

    running : RunningScore
        The log-odds of the text so far.
    """

    def __init__(self, node, running):
        self.node, self.running = node, running
        self.ended = False
        self._padding = []  # log-odds of what is text only if text follows

    def copy(self):
        """Return a text that starts like this one."""
        copied = Row(self.node, deepcopy(self.running))
        copied.ended, copied._padding = self.ended, list(self._padding)
        return copied

    def push(self, token, log_odds, vocabulary):
        """Go on with a token, and the log-odds after it."""
        self.node = self.node.next(token)
        self.node.log_odds = log_odds
        self.ended = self.ended or token in vocabulary.ends
        if self.ended or token in vocabulary.special:
            return
        self._padding.append(log_odds)
        if token != vocabulary.pad:
            for value in self._padding:
                self.running.push(value)
            self._padding = []
