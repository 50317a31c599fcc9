"""The outbound client against real servers on loopback."""

import asyncio
import datetime
import ipaddress
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from paymux.http.call import Call, Reply, Unreachable
from paymux.http.client import Client

Answer = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def serving(answer: Answer | bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on loopback; yields its port and the heads of the requests that came."""
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                heads.append(head)
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], heads
    finally:
        server.close()


@asynccontextmanager
async def client(**settings: object) -> AsyncIterator[Client]:
    made = Client(**{"allow_private": True, **settings})  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.aclose()


def unreachable(outcome: Reply | Unreachable) -> Unreachable:
    assert isinstance(outcome, Unreachable), outcome
    return outcome


async def test_a_call_brings_status_headers_and_body() -> None:
    reply = b"HTTP/1.1 422 Odd\r\nX-One: 1\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 3\r\n\r\nabc"
    async with serving(reply) as (port, heads), client() as out:
        outcome = await out.send(Call("POST", f"http://127.0.0.1:{port}/a%2Fb/../c?x=%20", {"Content-Type": "text/plain"}, b""))
        await out.send(Call("GET", f"http://127.0.0.1:{port}/"))
    assert isinstance(outcome, Reply)
    assert (outcome.status, outcome.body, outcome.headers["x-one"], outcome.cut) == (422, b"abc", "1", False)
    lines = heads[0].decode().split("\r\n")
    assert lines[0] == "POST /c?x=%20 HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}" in lines
    assert "Content-Length: 0" in lines
    assert any(line.startswith("User-Agent: Paymux/") for line in lines)
    assert b"cookie" not in heads[1].lower()  # none is kept from the reply before


async def test_a_body_is_sent_byte_for_byte() -> None:
    bodies: list[bytes] = []

    async def answer(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append(await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])))
        writer.write(OK)

    async with serving(answer) as (port, _), client() as out:
        outcome = await out.send(Call("POST", f"http://127.0.0.1:{port}/", body=b'{"amount": "10.00"}\x00\xff'))
    assert isinstance(outcome, Reply)
    assert bodies == [b'{"amount": "10.00"}\x00\xff']


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async with serving(OK) as (other, others), client() as out:
        redirect = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{other}/\r\nContent-Length: 0\r\n\r\n".encode()
        async with serving(redirect) as (port, _):
            outcome = await out.send(Call("GET", f"http://127.0.0.1:{port}/"))
    assert isinstance(outcome, Reply)
    assert outcome.status == 302
    assert others == []


async def test_a_proxy_in_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(OK) as (port, heads), serving(OK) as (proxy, proxied):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        async with client() as out:
            await out.send(Call("GET", f"http://127.0.0.1:{port}/"))
    assert (len(heads), proxied) == (1, [])


async def test_a_server_that_never_answers_is_a_timeout_after_sending() -> None:
    async def hang(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(hang) as (port, _), client() as out:
        outcome = unreachable(await out.send(Call("GET", f"http://127.0.0.1:{port}/secret-path", timeout_s=0.1)))
    assert (outcome.kind, outcome.sent) == ("timeout", True)
    assert "secret-path" not in outcome.detail


async def test_a_body_that_trickles_is_a_timeout_though_each_read_is_quick() -> None:
    async def trickle(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(trickle) as (port, _), client() as out:
        outcome = unreachable(await out.send(Call("GET", f"http://127.0.0.1:{port}/", timeout_s=0.15)))
    assert (outcome.kind, outcome.sent) == ("timeout", True)


async def test_a_name_server_that_hangs_is_a_timeout_before_sending_and_holds_nobody_else() -> None:
    held = threading.Event()

    def lookup(host: str, port: int) -> list[str]:
        if host == "slow.example":
            held.wait(5)
        return ["127.0.0.1"]

    async with serving(OK) as (port, _), client(lookup=lookup) as out:
        slow = [asyncio.create_task(out.send(Call("GET", f"http://slow.example:{port}/", timeout_s=0.3))) for _ in range(40)]
        await asyncio.sleep(0)
        quick = await out.send(Call("GET", f"http://quick.example:{port}/", timeout_s=0.25))
        outcomes = [unreachable(await task) for task in slow]
        held.set()
    assert isinstance(quick, Reply)
    assert {(outcome.kind, outcome.sent) for outcome in outcomes} == {("timeout", False)}


async def test_a_slow_host_fills_only_its_own_places() -> None:
    async def hang(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(hang) as (slow, heads), serving(OK) as (port, _), client(per_host_max=2) as out:
        patience_s = (0.9, 0.9, 0.3, 0.3, 0.3)  # who has a place keeps it until the others have given up
        waiting = [asyncio.create_task(out.send(Call("GET", f"http://127.0.0.1:{slow}/", timeout_s=wait_s))) for wait_s in patience_s]
        await asyncio.sleep(0)
        quick = await out.send(Call("GET", f"http://127.0.0.1:{port}/", timeout_s=0.25))
        outcomes = [unreachable(await task) for task in waiting]
    assert isinstance(quick, Reply)
    assert len(heads) == 2
    assert sorted(outcome.sent for outcome in outcomes) == [False, False, False, True, True]


async def test_a_huge_body_is_refused_or_cut_and_never_read_to_its_end() -> None:
    sent = 0

    async def flood(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(2000):
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()
            sent += 65536

    async with serving(flood) as (port, _), client() as out:
        refused = unreachable(await out.send(Call("GET", f"http://127.0.0.1:{port}/")))
        cut = await out.send(Call("GET", f"http://127.0.0.1:{port}/", body_max_bytes=1000, keep_first=True))
    assert (refused.kind, refused.sent) == ("too_large", True)
    assert isinstance(cut, Reply)
    assert (cut.status, cut.body, cut.cut) == (200, b"x" * 1000, True)
    assert sent < 40_000_000


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"NOT HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
    ids=["closed", "not http", "body too short", "endless header"],
)
async def test_an_odd_answer_is_a_protocol_failure_after_sending(reply: bytes) -> None:
    async def answer(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        await writer.drain()
        writer.close()

    async with serving(answer) as (port, _), client() as out:
        outcome = unreachable(await out.send(Call("GET", f"http://127.0.0.1:{port}/", timeout_s=2)))
    assert (outcome.kind, outcome.sent) == ("protocol", True)


async def test_a_closed_port_is_refused_and_an_unknown_name_is_dns() -> None:
    async with serving(OK) as (port, _):
        pass

    def lookup(host: str, port: int) -> list[str]:
        if host == "known.example":
            return ["127.0.0.1"]
        raise OSError("no such name")

    async with client(lookup=lookup) as out:
        refused = unreachable(await out.send(Call("GET", f"http://known.example:{port}/")))
        unknown = unreachable(await out.send(Call("GET", "http://unknown.example/")))
    assert (refused.kind, refused.sent) == ("refused", False)
    assert (unknown.kind, unknown.sent) == ("dns", False)


async def test_the_next_checked_address_is_tried_when_one_does_not_answer() -> None:
    async with serving(OK) as (port, _), client(lookup=lambda host, port: ["::1", "127.0.0.1"]) as out:
        assert isinstance(await out.send(Call("GET", f"http://two.example:{port}/")), Reply)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "localhost.", "0.0.0.0", "10.1.2.3", "192.168.0.1", "169.254.169.254", "224.0.0.1"),
        *("2130706433", "0x7f000001", "127.1", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:8.8.8.8]", "[64:ff9b::7f00:1]"),
        *("[fd00:ec2::254]", "[2002:7f00:1::]"),
    ],
)
async def test_a_host_that_is_not_public_is_never_connected(host: str) -> None:
    async with serving(OK) as (port, heads), client(allow_private=False) as out:
        outcome = unreachable(await out.send(Call("GET", f"http://{host}:{port}/", timeout_s=5)))
    assert (outcome.kind, outcome.sent) in {("forbidden_address", False), ("dns", False)}  # a machine without IPv6 may know no such host
    assert heads == []


@pytest.mark.parametrize("records", [["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["2606:4700::1111", "::1"], ["fe80::1%eth0"]])
async def test_one_bad_record_forbids_the_whole_name(records: list[str]) -> None:
    async with client(allow_private=False, lookup=lambda host, port: records) as out:
        assert unreachable(await out.send(Call("GET", "http://mixed.example/"))).kind == "forbidden_address"


async def test_a_name_that_changes_after_the_check_is_dialled_at_the_checked_address(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([["203.0.114.7"], ["127.0.0.1"]])
    asked: list[str] = []
    dialled: list[str] = []

    def lookup(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    async def connect_tcp(self: object, host: str, *args: object, **kwargs: object) -> None:
        dialled.append(host)
        raise httpcore2.ConnectError("not from here")

    monkeypatch.setattr("httpcore2.AnyIOBackend.connect_tcp", connect_tcp)
    async with client(allow_private=False, lookup=lookup) as out:
        first = unreachable(await out.send(Call("GET", "http://rebinding.example/")))
        second = unreachable(await out.send(Call("GET", "http://rebinding.example/")))
    assert (first.kind, second.kind) == ("refused", "forbidden_address")
    assert dialled == ["203.0.114.7"]  # never the name, never the second answer
    assert len(asked) == 2


async def test_a_bad_url_is_never_called() -> None:
    async with serving(OK) as (port, heads), client() as out:
        outcome = unreachable(await out.send(Call("GET", f"http://user@127.0.0.1:{port}/")))
    assert (outcome.kind, outcome.sent) == ("bad_url", False)
    assert heads == []


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"X-A": "b\r\nX-Injected: 1"}),
        ("GET", {"X-A\r\nX-Injected": "1"}),
        ("GET", {"X A": "1"}),
        ("GET", {"X-A": "\x00"}),
        ("GET", {"X-A": "b\n"}),
        ("GET", {"": "1"}),
        ("GET", {"Host": "b.example"}),
        ("GET", {"Transfer-Encoding": "chunked"}),
        ("GET", {"content-length": "5"}),
        ("GET /x HTTP/1.1\r\nX: y\r\n", {}),
        ("CONNECT", {}),
        ("get", {}),
    ],
)
async def test_headers_and_methods_that_would_break_the_message_are_not_sent(method: str, headers: dict[str, str]) -> None:
    async with serving(OK) as (port, heads), client() as out:
        outcome = unreachable(await out.send(Call(method, f"http://127.0.0.1:{port}/", headers)))
    assert (outcome.kind, outcome.sent) == ("protocol", False)
    assert heads == []


async def test_tls_verifies_the_name_of_the_url_though_an_address_is_dialled(tmp_path: Path) -> None:
    server, trusting = _certificates(tmp_path, "shop.example")
    async with serving(OK, server) as (port, _), client(tls=trusting, lookup=lambda host, port: ["127.0.0.1"]) as out:
        right = await out.send(Call("GET", f"https://shop.example:{port}/"))
        wrong = unreachable(await out.send(Call("GET", f"https://other.example:{port}/")))
        plain = unreachable(await out.send(Call("GET", f"http://shop.example:{port}/")))
    assert isinstance(right, Reply)
    assert (wrong.kind, wrong.sent) == ("tls", False)
    assert plain.sent
    async with serving(OK, server) as (port, _), client(lookup=lambda host, port: ["127.0.0.1"]) as out:
        assert unreachable(await out.send(Call("GET", f"https://shop.example:{port}/"))).kind == "tls"  # an unknown issuer


async def test_a_server_that_does_not_speak_tls_is_a_tls_failure() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with client() as out:
        outcome = unreachable(await out.send(Call("GET", f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/", timeout_s=5)))
    server.close()
    assert (outcome.kind, outcome.sent) == ("tls", False)


async def test_a_cancelled_call_and_a_closed_client_leave_nothing_behind() -> None:
    both = asyncio.Barrier(3)

    async def hang(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await both.wait()
        await reader.read()

    async with serving(hang) as (port, _), client() as out:
        first, second = (asyncio.create_task(out.send(Call("GET", f"http://127.0.0.1:{port}/", timeout_s=5))) for _ in range(2))
        await both.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await out.aclose()
        assert unreachable(await second).sent


async def test_connections_are_used_again_while_the_server_keeps_them() -> None:
    ports: set[int] = set()

    async def answer(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports.add(writer.get_extra_info("peername")[1])
        writer.write(OK)

    async with serving(answer) as (port, heads), client() as out:
        for _ in range(3):
            await out.send(Call("GET", f"http://127.0.0.1:{port}/"))
    assert (len(heads), len(ports)) == (3, 1)


def _certificates(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for `name`, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(pem + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    return server, ssl.create_default_context(cadata=pem.decode())
