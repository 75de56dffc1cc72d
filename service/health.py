"""`python -m service.health api|engine|inpaint|webhooks`: whether a program of the service is well, for containers.

Exit status 0 or 1, and a line that says why. It loads as little as it can, because it is started again and again.

- api: it has answered /startupz, so it was ready once; an engine that goes away later is no fault of it.
- engine: it speaks gRPC and says that it is ready. Works for the embedded engine and for Triton.
- inpaint, webhooks: the worker of this host has told Redis of late that it is alive. While Redis itself is away nothing
  can be said against the worker, which waits for it.
"""

from __future__ import annotations

import argparse
import http.client
import socket
import sys
import time
from datetime import datetime

from service.version import version_line

PROGRAMS = frozenset({"api", "engine", "inpaint", "webhooks"})
ANSWER_SECONDS = 4.0
SILENT_SECONDS = 45.0  # an idle worker speaks every 5 seconds
MISSED_HEARTBEATS = 4
READY_CALL = "/inference.GRPCInferenceService/ServerReady"
READY_ANSWER = b"\x08\x01"  # ServerReadyResponse(ready=True): no need to load the protocol's classes
WORKERS_KEY = "rq:workers:{queue}"  # as RQ names it


class Unwell(Exception):
    """One line that says what is wrong."""


def check_api(port: int) -> str:
    """Raises Unwell unless the API on this machine's `port` has been ready once."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/startupz")
        status = connection.getresponse().status
    except OSError as error:
        raise Unwell(f"no answer on port {port}: {error}") from None
    finally:
        connection.close()
    if status != 200:
        raise Unwell(f"/startupz answers {status}: the engine has not been ready yet")
    return "the API has started"


def check_engine(port: int) -> str:
    """Raises Unwell unless the engine on this machine's `port` is ready."""
    import grpc  # the other checks do without it

    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        ask = channel.unary_unary(READY_CALL)
        try:
            answer = ask(b"", timeout=ANSWER_SECONDS)
        except grpc.RpcError as error:
            raise Unwell(f"no answer on port {port}: {error.code().name}") from None
    if answer != READY_ANSWER:
        raise Unwell("the engine still loads its models, or is stopping")
    return "the engine is ready"


def check_worker(queue: str, host: str) -> str:
    """Raises Unwell unless a worker of `queue` on `host` has given a sign of life of late."""
    from redis.exceptions import RedisError

    from service.jobs import redis_clients
    from service.settings import load_settings

    settings = load_settings()
    silent_seconds = max(SILENT_SECONDS, MISSED_HEARTBEATS * settings.jobs_heartbeat_seconds)
    try:
        with redis_clients.synchronous(settings.redis_url) as redis:
            keys = redis_clients.execute_blocking(redis, "SMEMBERS", WORKERS_KEY.format(queue=queue))
            signs = [redis_clients.execute_blocking(redis, "HMGET", key, "hostname", "last_heartbeat") for key in keys]
    except RedisError as error:
        return f"Redis does not answer, so nothing is known ({type(error).__name__})"
    own = [seconds_of(heartbeat) for hostname, heartbeat in signs if hostname == host.encode()]
    if max(own, default=0.0) < time.time() - silent_seconds:
        raise Unwell(f"no worker of the queue {queue} on {host} has spoken for {silent_seconds:g} s")
    return f"the worker of the queue {queue} is alive"


def seconds_of(heartbeat: bytes | None) -> float:
    """Seconds since 1970; 0 for none."""
    return datetime.fromisoformat(heartbeat.decode()).timestamp() if heartbeat else 0.0


def main(arguments: list[str] | None = None) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m service.health", description="Say whether a program is well.")
    parser.add_argument("program", choices=sorted(PROGRAMS))
    parser.add_argument("--port", type=int, help="where it listens (default: 8000 for the API, 8001 for the engine)")
    parser.add_argument("--version", action="version", version=version_line(parser.prog))
    options = parser.parse_args(arguments)
    try:
        if options.program == "api":
            said = check_api(options.port or 8000)
        elif options.program == "engine":
            said = check_engine(options.port or 8001)
        else:
            said = check_worker(options.program, socket.gethostname())
    except Unwell as error:
        print(f"unwell: {error}", flush=True)
        return 1
    print(said, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
