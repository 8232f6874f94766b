"""What holds for every suite."""

import signal

# a shell starts what it puts into the background with Ctrl-C ignored, and children inherit that:
# the tests that type Ctrl-C would wait for ever there
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
