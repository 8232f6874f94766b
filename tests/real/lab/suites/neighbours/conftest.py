"""What logs in to a member of a segment is the shipped suite's."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "isolation"))
