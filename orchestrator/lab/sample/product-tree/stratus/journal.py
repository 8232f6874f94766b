"""The service log: `<time> <LEVEL> <service> [<request id>] <message>`, one line per event."""

import logging
import sys
import time
from contextvars import ContextVar

#: id of the request that the current thread works for
request_id: ContextVar[str] = ContextVar("request_id", default="-")


def start(service: str) -> logging.Logger:
    """Return the log of `service`, which goes to standard error: the log file of the process."""
    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03d %(levelname)s %(name)s [%(request)s] %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(_name_request)
    log = logging.getLogger(service)
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
    return log


def _name_request(record: logging.LogRecord) -> bool:
    record.request = request_id.get()
    return True
