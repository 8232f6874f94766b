"""Make stdin the controlling terminal, so that Ctrl-C typed there is a signal, and go on."""

import fcntl
import os
import sys
import termios

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606  # the program under test
