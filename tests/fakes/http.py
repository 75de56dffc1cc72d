"""One request at a time to a server of this machine, as `httpx.get` and its like make it.

Those read all authorities of the system anew for every request, which takes twenty times as long as the request.
"""

from __future__ import annotations

import httpx

http = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), trust_env=False)  # a connection for each request
