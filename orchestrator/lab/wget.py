"""A wget for a machine that has none: `wget [-q] [-O FILE] [--post-data=TEXT] URL`."""

import argparse
import sys
import urllib.error
import urllib.request
from pathlib import Path

_SECONDS = 15.0


def main(arguments: list[str]) -> int:
    """Fetch one address; return wget's exit statuses (0, 4 network, 8 the server refused)."""
    parser = argparse.ArgumentParser(prog="wget")
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.add_argument("-O", "--output-document", type=Path)
    parser.add_argument("--post-data")
    parser.add_argument("url")
    known, _ = parser.parse_known_args(arguments)
    if not known.url.startswith("http://"):
        sys.stderr.write(f"wget: {known.url}: only http is spoken here\n")
        return 1
    data = None if known.post_data is None else known.post_data.encode()
    target = known.output_document or Path(known.url.rsplit("/", 1)[-1] or "index.html")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(known.url, data, timeout=_SECONDS) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        sys.stderr.write(f"wget: server returned error: HTTP {error.code} {error.reason}\n")
        return 8
    except OSError as error:
        sys.stderr.write(f"wget: {known.url}: {error}\n")
        return 4
    if str(target) == "-":
        sys.stdout.buffer.write(body)
    else:
        target.write_bytes(body)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
