"""Lets a call make processes and threads as long as it keeps to its limit (seccomp_unotify(2)).

Every fork of the skill waits for this answer, so that a bomb of processes is as slow as the one who counts.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct

from cis_tui.skills.jail import watch

_RECEIVE, _SEND = 0xC0502100, 0xC0182101
"""SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND."""
_GO_ON = 1
"""SECCOMP_USER_NOTIF_FLAG_CONTINUE."""
_NOTICE = 80
"""Bytes of a struct seccomp_notif."""


class Forks:
    """The forks of one call, which is the process group `group`."""

    def __init__(self, listener: int, group: int, most: int) -> None:
        """`listener` is where the filter asks; `most` tasks may live at the same time."""
        self.listener = listener
        self.group = group
        self._most = most
        self._left = most - 1
        """How many more can be made before the living have to be counted."""

    def answer(self) -> bool:
        """Answer one question; False when there are too many tasks, and this one was not made."""
        notice = bytearray(_NOTICE)
        try:
            fcntl.ioctl(self.listener, _RECEIVE, notice)
        except OSError:  # whoever asked has ended
            return True
        (id,) = struct.unpack_from("<Q", notice)
        if self._left <= 0:
            self._left = self._most - watch.usage(watch.groups([self.group])[self.group]).tasks
        fits = self._left > 0
        self._left -= 1
        error, flags = (0, _GO_ON) if fits else (-errno.EAGAIN, 0)
        try:
            fcntl.ioctl(self.listener, _SEND, struct.pack("<QqiI", id, 0, error, flags))
        except OSError:
            return True
        return fits

    def close(self) -> None:
        """Answer no more."""
        os.close(self.listener)
