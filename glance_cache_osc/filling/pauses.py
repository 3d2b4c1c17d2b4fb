# SPDX-License-Identifier: Apache-2.0

"""The pauses of a wait between two requests to the same server. Pure."""

#: The longest pause, in seconds.
_MAX_PAUSE = 30.0


def next_poll(idle: float, duration: float, shortest: float) -> float:
    """The pause until the next poll, in seconds.

    :param idle: seconds since an image was last cached.
    :param duration: seconds that the last poll took.
    :param shortest: the shortest pause, in seconds.
    """
    return min(max(idle / 10, duration * 10, shortest), _MAX_PAUSE)
