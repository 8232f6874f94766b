"""What services say when a deployed cloud dies, or a request in it.

What they stand on comes first: whoever lost the bus or the database fails at everything else, too.
In a sentence, `{line}` is the line, and `{raised}` the last words of the traceback around it.
"""

import re

from orchestrator.model.recognisers.recogniser import Weight, lines
from orchestrator.model.verdict import Blame

#: a service got back what it had lost: what it said of that before counts no more
RECOVERED = re.compile(r"Reconnected to AMQP server|Connected to AMQP server")

FOUNDATION = (
    lines(
        Weight.WARNS,
        r"AMQP server on \S+ is unreachable",
        # Not the first try: that a second one got through, a service does not log.
        r"Connection failed: .*\(retrying in (?!1\.0 )[\d.]+ seconds\)",
        r"Unable to connect to AMQP server",
        says="the message bus is gone ({line})",
    ),
    lines(
        Weight.TELLS,
        r"Can't connect to (?:MySQL|MariaDB) server on|MySQL server has gone away",
        r"Lost connection to (?:MySQL|MariaDB) server during query",
        r"could not connect to server: .*PostgreSQL",
        says="the database is gone ({line})",
    ),
    lines(
        Weight.TELLS,
        r"\[Errno 28\]|No space left on device",
        says="its disk is full ({line})",
    ),
    lines(
        Weight.TELLS,
        r"Cannot allocate memory|\bMemoryError\b|invoked oom-killer",
        says="its memory is full ({line})",
    ),
)

CAUSES = (
    lines(
        Weight.TELLS,
        r"/(?:migrations|alembic\w*)/(?:\S+/)?versions/\S+\.py",
        r"alembic\.(?:util\.)?exc\.\w+|Can't locate revision identified by|DBMigrationError",
        r"^\s*(?:\[SQL: ?)?(?:CREATE|ALTER|DROP) (?:TABLE|INDEX|UNIQUE)\b",
        says="its database migration failed ({raised})",
        blame=Blame.PRODUCT,
    ),
    lines(
        Weight.TELLS,
        r"\((?:pymysql\.err|sqlite3|psycopg2?\.errors)\.\w+\)",
        says="the database refused what it was asked ({line})",
        blame=Blame.PRODUCT,
    ),
    lines(
        Weight.TELLS,
        r"unable to load app \d+|no app loaded\. GAME OVER|failed loading app in worker",
        r"Error starting (?:thread|service)|Service .* could not be started",
        r"exited: .*\(.*not expected\)|entered FATAL state|gave up: .* entered FATAL",
        says="the service does not come up ({raised})",
        blame=Blame.PRODUCT,
    ),
    lines(
        Weight.TELLS,
        r"Failed to bind port \S+ on host|PortBindingFailed|Binding failed for port",
        r"VirtualInterfaceCreateException|Virtual Interface creation failed",
        says="a port could not be bound to its host ({line})",
        blame=Blame.PRODUCT,
    ),
    lines(
        Weight.TELLS,
        r"Quota exceeded|OverQuota|QuotaError|Maximum number of .* exceeded",
        says="a quota is too small for what the test asked for ({line})",
        blame=Blame.PRODUCT,
    ),
    lines(
        Weight.TELLS,
        r"Image \S+ is unacceptable|Image not in a supported format|ImageUnacceptable",
        r"InvalidDiskInfo|Disk info file is invalid|ImageFormatError|qemu-img: Could not open",
        r"Image is not in \w+ format|Format inspection failed|does not match .*disk_format",
        says="the image's format was refused ({line})",
        blame=Blame.PRODUCT,
    ),
)

#: what other failures end in: they count if nothing else is known
ENDS = (
    lines(
        Weight.TELLS,
        r"NoValidHost|No valid host was found|Got no allocation candidates from the Placement API",
        r"Filter \w+ returned 0 hosts|MaxRetriesExceeded|Exceeded maximum number of retries",
        says="the scheduler found no host for it ({line})",
        blame=Blame.PRODUCT,
    ),
    lines(
        Weight.TELLS,
        r"MessagingTimeout|Timed out waiting for a reply to message ID",
        says="one service waited in vain for another's answer ({line})",
        blame=Blame.PRODUCT,
    ),
)
