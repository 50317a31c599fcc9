"""A bare hello-world on the same server (uvicorn, httptools, uvloop): plain ASGI, one JSON answer of a given size.

`python -m bench.hello PORT BYTES`. What the machine and the server alone can do; everything above it is ours.
"""

import sys
from typing import Any

import uvicorn


def application(size: int) -> Any:
    """An ASGI application that answers 200 with so many bytes."""
    body = b'{"ok":true,"text":"' + b"x" * max(size - 21, 0) + b'"}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def main() -> None:
    port, size = int(sys.argv[1]), int(sys.argv[2])
    uvicorn.run(
        application(size),
        host="127.0.0.1",
        port=port,
        http="httptools",
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
