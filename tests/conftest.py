"""What holds for every suite."""

import gc
import signal

# thousands of collected tests are no garbage, and were looked through all the time
gc.set_threshold(50_000)

# a shell starts what it puts into the background with Ctrl-C ignored, and children inherit that:
# the tests that type Ctrl-C would wait for ever there
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
