"""Exit status 0 where an address answers with success, else 1: the health check of containers.

    python tools/healthcheck.py http://127.0.0.1:8080/healthz

The page's password is sent where ``LIEBIG_APP_PASSWORD`` holds one.
"""

from __future__ import annotations

import base64
import os
import sys
import urllib.request

#: Seconds that an answer may take; less than the limit of the Dockerfile.
TIMEOUT_S = 4.0


def main() -> int:
    address = sys.argv[1]
    headers = {}
    password = os.environ.get("LIEBIG_APP_PASSWORD", "")
    if password:
        headers["Authorization"] = "Basic " + base64.b64encode(f":{password}".encode()).decode()
    # no proxy of the environment: the address is in this container
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(address, headers=headers), timeout=TIMEOUT_S):
            return 0
    except (OSError, ValueError) as error:
        print(f"{address}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
