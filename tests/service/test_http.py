"""What holds for every route: methods, sizes, headers, problem details, connections, who may ask."""
import re
import time

import pytest

from harness import Client, Connection, Server, Stage, ok, problem
from samples import small_lead

HEADERS_MAX = 8192
BODY_MAX = 1024 * 1024


@pytest.fixture(scope="module")
def server(module_stage: Stage) -> Server:
    return module_stage.serve()


@pytest.fixture
def api(server: Server) -> Client:
    return server.api


def allowed(answer) -> set[str]:
    return {name.strip() for name in answer.headers["Allow"].split(",")}


# ---- Addresses and methods

@pytest.mark.parametrize("path", [
    "/api", "/api/", "/api/lead", "/api/Leads", "/api/leads/", "/api/leads/1/", "/api//leads",
    "/api/leads/1/sync", "/api/projects/3d/1/files/2", "/media/1", "/media/1/scene.obj/x",
    "/" + "x/" * 100, "/" + "x" * 2000,
])
def test_there_is_nothing_elsewhere(api: Client, path: str) -> None:
    body = problem(api.get(path), 404)
    assert body["errors"] == []


METHODS = {
    "/api/leads": {"GET", "POST"},
    "/api/leads/1": {"GET", "PUT", "DELETE"},
    "/api/leads/1/sync-3d-status": {"POST"},
    "/api/leads/1/retry-3d-model": {"POST"},
    "/api/projects/3d": {"POST"},
    "/api/projects/3d/1": {"GET"},
    "/api/projects/3d/1/files": {"GET"},
    "/api/orders/1": {"GET"},
    "/api/orders/1/link": {"POST"},
    "/api/orders/1/order-again": {"POST"},
    "/media/1/scene.obj": {"GET"},
    "/health": {"GET"},
    "/": {"GET"},
}


def with_implied(methods: set[str]) -> set[str]:
    return methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())


@pytest.mark.parametrize("path", METHODS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "PURGE"])
def test_other_methods_are_named(api: Client, path: str, method: str) -> None:
    if method in with_implied(METHODS[path]):
        return
    answer = api.send(method, path)
    if method == "HEAD":
        assert answer.status == 405
    else:
        problem(answer, 405)
    assert allowed(answer) == with_implied(METHODS[path])


@pytest.mark.parametrize("path", METHODS)
def test_options(api: Client, path: str) -> None:
    answer = api.send("OPTIONS", path)
    assert answer.status == 204 and answer.body == b""
    assert allowed(answer) == with_implied(METHODS[path])


def test_options_elsewhere(api: Client) -> None:
    problem(api.send("OPTIONS", "/nothing"), 404)


@pytest.mark.parametrize("path", ["/api/leads?company_id=1", "/health", "/api/leads/999", "/nothing"])
def test_head_is_get_without_a_body(server: Server, path: str) -> None:
    get = server.api.get(path)
    with server.api.connect() as connection:
        connection.send(f"HEAD {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
        head = connection.answer("HEAD")
        assert head is not None and head.status == get.status
        assert head.headers.get_content_type() == get.headers.get_content_type()
        if path != "/health":  # counts what runs, so its length varies
            assert head.headers["Content-Length"] == get.headers["Content-Length"]
        # Nothing stands between this answer and the next.
        connection.send(f"GET /nothing HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
        following = connection.answer()
        assert following is not None and following.status == 404


@pytest.mark.parametrize("path", ["/api/%zz", "/api/%", "/api/%4", "/api/%00", "/api/leads/%0a1",
                                  "/api/%ff", "/api/../health", "/./health", "/api/leads?limit=%zz",
                                  "/api/leads?%00=1"])
def test_broken_addresses(api: Client, path: str) -> None:
    problem(api.get(path), 400)


def test_escapes_in_an_address_are_decoded(api: Client) -> None:
    assert ok(api.get("/%61pi/leads?%6cimit=5"))["limit"] == 5


# ---- Sizes

def chunked(api: Client, total: int) -> Connection:
    connection = api.connect()
    connection.send(f"POST /api/leads HTTP/1.1\r\nHost: localhost:{api.port}\r\n"
                    "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    for at in range(0, total, 65536):
        size = min(65536, total - at)
        connection.send(f"{size:x}\r\n".encode() + b" " * size + b"\r\n")
    return connection.send(b"0\r\n\r\n")


def test_a_body_may_be_a_megabyte(api: Client) -> None:
    body = problem(api.post("/api/leads", raw=b" " * BODY_MAX), 400)
    assert re.match(r"line 1, column \d+: ", body["detail"])


def test_a_larger_body_is_refused_before_it_is_sent(api: Client) -> None:
    with api.connect() as connection:
        connection.send(f"POST /api/leads HTTP/1.1\r\nHost: localhost:{api.port}\r\n"
                        f"Content-Type: application/json\r\nContent-Length: {BODY_MAX + 1}\r\n\r\n"
                        .encode())
        answer = connection.answer()
        assert answer is not None
        problem(answer, 413)


def test_a_body_of_ten_megabytes(api: Client) -> None:
    problem(api.post("/api/leads", raw=b"[" + b"1," * 5_000_000 + b"1]"), 413)


def test_a_chunked_body_may_be_a_megabyte(api: Client) -> None:
    with chunked(api, BODY_MAX) as connection:
        answer = connection.answer()
        assert answer is not None
        problem(answer, 400)


def test_a_chunked_body_has_the_same_bound(api: Client) -> None:
    with chunked(api, BODY_MAX + 1) as connection:
        answer = connection.answer()
        assert answer is not None
        problem(answer, 413)


@pytest.mark.parametrize("method,path", [
    ("GET", "/api/leads"), ("GET", "/health"), ("DELETE", "/api/leads/999"),
])
def test_no_body_where_none_belongs(api: Client, method: str, path: str) -> None:
    problem(api.send(method, path, {"a": 1}), 413)


def test_a_long_request_line(api: Client) -> None:
    problem(api.get("/api/leads?x=" + "y" * HEADERS_MAX), 414)


def test_large_headers(api: Client) -> None:
    problem(api.get("/api/leads", headers={"X-Padding": "y" * HEADERS_MAX}), 431)


def test_headers_below_the_bound(api: Client) -> None:
    ok(api.get("/api/leads", headers={"X-Padding": "y" * (HEADERS_MAX - 500)}))


@pytest.mark.parametrize("headers", [
    {"X-Padding": "y" * 12_000}, {"X-Padding": "y" * 40_000}, {f"X-{i}": "y" for i in range(3000)},
])
def test_far_too_large_headers(api: Client, headers: dict[str, str]) -> None:
    assert api.get("/api/leads", headers=headers).status in (413, 414, 431)


# ---- Content types

@pytest.mark.parametrize("content_type", [
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json",
    "application/jsonx", "text/json",
])
def test_a_body_must_be_json(api: Client, content_type: str) -> None:
    problem(api.post("/api/leads", small_lead(), headers={"Content-Type": content_type}), 415)


def test_a_body_must_say_what_it_is(server: Server) -> None:
    with server.api.connect() as connection:
        connection.send(f"POST /api/leads HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
                        "Content-Length: 2\r\n\r\n{}".encode())
        answer = connection.answer()
        assert answer is not None
        problem(answer, 415)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8",
                                          "Application/JSON"])
def test_json_by_its_names(api: Client, company: int, content_type: str) -> None:
    body = small_lead(company_id=company)
    ok(api.post("/api/leads", body, headers={"Content-Type": content_type}), 201)


def test_a_body_is_required(api: Client) -> None:
    problem(api.post("/api/leads"), 400)


def test_answers_say_what_they_are(api: Client) -> None:
    answer = api.get("/api/leads")
    assert answer.headers.get_content_type() == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


# ---- Problem details

def test_problem_details(api: Client) -> None:
    body = problem(api.post("/api/leads", {"latitude": 91}), 400, "/latitude")
    assert set(body) == {"type", "title", "status", "detail", "errors", "error"}
    assert body["type"] == "about:blank"
    assert body["title"] == "Bad Request"
    places = {place["pointer"]: place["detail"] for place in body["errors"]}
    assert places == {
        "/latitude": "must be a number from -90 to 90",
        "/longitude": "is required",
        "/company_id": "is required",
        "/creator_id": "is required",
    }


def test_a_problem_of_the_text_has_line_and_column(api: Client) -> None:
    body = problem(api.post("/api/leads", raw=b'{"latitude": 1,\n "latitude": 2}'), 400)
    assert body["detail"].startswith("line 2, column ")
    assert body["errors"] == []


# ---- Request ids

def test_a_request_has_an_id(api: Client) -> None:
    first, second = (api.get("/health").headers["X-Request-Id"] for _ in range(2))
    assert first and second and first != second


def test_the_client_may_choose_the_id(api: Client) -> None:
    answer = api.get("/health", headers={"X-Request-Id": "abc-1.2_3"})
    assert answer.headers["X-Request-Id"] == "abc-1.2_3"


@pytest.mark.parametrize("request_id", ["a b", "a\"b", "x" * 65, "ü"])
def test_but_only_a_sane_one(api: Client, request_id: str) -> None:
    answer = api.get("/health", headers={"X-Request-Id": request_id})
    assert answer.headers["X-Request-Id"] != request_id


def test_no_cors_unless_set(api: Client) -> None:
    answer = api.get("/health", headers={"Origin": "https://elsewhere.example"})
    assert answer.headers["Access-Control-Allow-Origin"] is None


# ---- The gate: headers that two readers could understand differently

JSON_LINES = "Content-Type: application/json\r\n"

GATE = {
    "length and transfer coding": ("POST /api/leads HTTP/1.1", "Host: localhost:PORT\r\n" + JSON_LINES
                                   + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
    "transfer coding and length": ("POST /api/leads HTTP/1.1", "Host: localhost:PORT\r\n" + JSON_LINES
                                   + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"),
    "length twice, differing": ("POST /api/leads HTTP/1.1", "Host: localhost:PORT\r\n" + JSON_LINES
                                + "Content-Length: 2\r\nContent-Length: 3\r\n"),
    "length twice, the same": ("POST /api/leads HTTP/1.1", "Host: localhost:PORT\r\n" + JSON_LINES
                               + "Content-Length: 2\r\nContent-Length: 2\r\n"),
    "length as a list": ("POST /api/leads HTTP/1.1", "Host: localhost:PORT\r\n" + JSON_LINES
                         + "Content-Length: 2, 2\r\n"),
    "length below zero": ("POST /api/leads HTTP/1.1", "Host: localhost:PORT\r\n" + JSON_LINES
                          + "Content-Length: -2\r\n"),
    "length with a plus": ("POST /api/leads HTTP/1.1", "Host: localhost:PORT\r\n" + JSON_LINES
                           + "Content-Length: +2\r\n"),
    "length in hex": ("POST /api/leads HTTP/1.1", "Host: localhost:PORT\r\n" + JSON_LINES
                      + "Content-Length: 0x2\r\n"),
    "host twice, differing": ("GET /health HTTP/1.1",
                              "Host: localhost:PORT\r\nHost: elsewhere.example\r\n"),
    "host twice, the same": ("GET /health HTTP/1.1",
                             "Host: localhost:PORT\r\nHost: localhost:PORT\r\n"),
    "no host": ("GET /health HTTP/1.1", "Accept: */*\r\n"),
    "another transfer coding": ("POST /api/leads HTTP/1.1", "Host: localhost:PORT\r\n" + JSON_LINES
                                + "Transfer-Encoding: gzip\r\n"),
    "two transfer codings": ("POST /api/leads HTTP/1.1", "Host: localhost:PORT\r\n" + JSON_LINES
                             + "Transfer-Encoding: gzip, chunked\r\n"),
    "transfer coding twice": ("POST /api/leads HTTP/1.1", "Host: localhost:PORT\r\n" + JSON_LINES
                              + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
    "transfer coding that is none": ("POST /api/leads HTTP/1.1", "Host: localhost:PORT\r\n" + JSON_LINES
                                     + "Transfer-Encoding: xchunked\r\n"),
    "transfer coding on HTTP/1.0": ("POST /api/leads HTTP/1.0", "Host: localhost:PORT\r\n" + JSON_LINES
                                    + "Transfer-Encoding: chunked\r\n"),
    "space before the colon": ("GET /health HTTP/1.1", "Host: localhost:PORT\r\nX-Name : value\r\n"),
    "space before the colon of a length": ("POST /api/leads HTTP/1.1", "Host: localhost:PORT\r\n"
                                           + JSON_LINES + "Content-Length : 2\r\n"),
    "space in a name": ("GET /health HTTP/1.1", "Host: localhost:PORT\r\nX Name: value\r\n"),
    "control character in a value": ("GET /health HTTP/1.1",
                                     "Host: localhost:PORT\r\nX-Name: a\x01b\r\n"),
    "control character in a name": ("GET /health HTTP/1.1",
                                    "Host: localhost:PORT\r\nX-\x02Name: value\r\n"),
    "delete character in a value": ("GET /health HTTP/1.1",
                                    "Host: localhost:PORT\r\nX-Name: a\x7fb\r\n"),
}


@pytest.mark.parametrize("case", GATE)
def test_the_gate(server: Server, case: str) -> None:
    line, headers = GATE[case]
    # A second request behind it must not be seen: the connection cannot be trusted any more.
    text = f"{line}\r\n{headers}\r\n" + "{}" + "GET /nothing HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n"
    with server.api.connect() as connection:
        connection.send(text.replace("PORT", str(server.port)).encode("latin-1"))
        answer = connection.answer()
        assert answer is not None and answer.status == 400, answer
        # libmicrohttpd's own answers to a broken length say their head twice, and then it closes.
        assert b" 404 " not in connection.rest()


@pytest.mark.parametrize("text", [
    b"GET\r\n\r\n", b"GET /health\r\n\r\n", b"GET /health HTTP/9.9\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"A" * 20_000 + b"\r\n\r\n",
])
def test_what_is_no_http_is_refused(server: Server, text: bytes) -> None:
    with server.api.connect() as connection:
        answer = connection.send(text).answer()
        assert answer is None or 400 <= answer.status < 600 and answer.status != 500, answer
    ok(server.api.get("/health"))


@pytest.mark.parametrize("text", [
    b"", b"\r\n\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 100,
    b"GET /health HT", b"POST /api/leads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
], ids=lambda text: repr(text[:12]))
def test_who_hangs_up_harms_nobody(server: Server, text: bytes) -> None:
    with server.api.connect() as connection:
        connection.send(text)
    ok(server.api.get("/health"))


# ---- Connections

def get_text(path: str, port: int, *more: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: localhost:{port}", *more, "", ""]
    return "\r\n".join(lines).encode()


def test_a_connection_is_kept(server: Server) -> None:
    with server.api.connect() as connection:
        for path, status in (("/health", 200), ("/nothing", 404), ("/api/leads?limit=0", 400),
                             ("/health", 200)):
            answer = connection.send(get_text(path, server.port)).answer()
            assert answer is not None and answer.status == status


def test_a_connection_is_kept_after_a_refused_body(server: Server) -> None:
    body = b'{"latitude": 91}'
    with server.api.connect() as connection:
        for _ in range(3):
            connection.send(f"POST /api/leads HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
                            f"{JSON_LINES}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = connection.answer()
            assert answer is not None
            problem(answer, 400, "/latitude")


def test_a_connection_is_closed_when_asked(server: Server) -> None:
    with server.api.connect() as connection:
        answer = connection.send(get_text("/health", server.port, "Connection: close")).answer()
        assert answer is not None and answer.status == 200
        assert connection.is_closed()


def test_http_1_0_is_closed(server: Server) -> None:
    with server.api.connect() as connection:
        connection.send(f"GET /health HTTP/1.0\r\nHost: localhost:{server.port}\r\n\r\n".encode())
        answer = connection.answer()
        assert answer is not None and answer.status == 200
        assert connection.is_closed()


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    paths = {"/health": 200, "/nothing": 404, "/api/leads?limit=1": 200, "/api/leads/abc": 404,
             "/api/leads?limit=0": 400}
    with server.api.connect() as connection:
        connection.send(b"".join(get_text(path, server.port) for path in paths))
        for status in paths.values():
            answer = connection.answer()
            assert answer is not None and answer.status == status


def test_a_request_may_come_byte_by_byte(server: Server) -> None:
    with server.api.connect() as connection:
        for byte in get_text("/health", server.port):
            connection.send(bytes([byte]))
        answer = connection.answer()
        assert answer is not None and answer.status == 200


def test_expect_continue(server: Server) -> None:
    with server.api.connect() as connection:
        connection.send(f"POST /api/leads HTTP/1.1\r\nHost: localhost:{server.port}\r\n{JSON_LINES}"
                        "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n".encode())
        answer = connection.answer()
        assert answer is not None and answer.status == 100
        answer = connection.send(b"{}").answer()
        assert answer is not None
        problem(answer, 400, "/latitude")


# ---- Who may ask: without authentication, the machine itself

@pytest.mark.parametrize("header", ["Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.1",
                                    "X-Forwarded-Host: example.com", "X-Forwarded-Proto: https",
                                    "x-forwarded-for: 127.0.0.1", "X-Forwarded-Port: 443",
                                    "X-Real-IP: 192.0.2.1"])
@pytest.mark.parametrize("path", ["/api/leads", "/api/leads/1", "/health"])
def test_what_came_through_a_proxy_is_refused(api: Client, header: str, path: str) -> None:
    name, value = header.split(": ")
    answer = api.get(path, headers={name: value})
    assert 400 <= answer.status < 500
    problem(answer, answer.status)


@pytest.mark.parametrize("host", ["example.com", "example.com:PORT", "192.0.2.1:PORT",
                                  "localhost.example.com:PORT", "127.0.0.1.example.com:PORT",
                                  "[2001:db8::1]:PORT", "10.0.0.1"])
def test_a_foreign_host_is_refused(api: Client, host: str) -> None:
    answer = api.get("/api/leads", headers={"Host": host.replace("PORT", str(api.port))})
    assert 400 <= answer.status < 500
    problem(answer, answer.status)


@pytest.mark.parametrize("host", ["localhost:PORT", "127.0.0.1:PORT", "LocalHost:PORT", "[::1]:PORT",
                                  "localhost", "127.0.0.1"])
def test_the_machine_itself_by_its_names(api: Client, host: str) -> None:
    ok(api.get("/api/leads", headers={"Host": host.replace("PORT", str(api.port))}))


# A page can make a browser send a POST without a body to any address, and such a POST can order a model.
@pytest.mark.parametrize("origin", ["https://example.com", "http://localhost.example.com:8080", "null"])
def test_a_page_of_another_origin_changes_nothing(api: Client, origin: str) -> None:
    lead = ok(api.post("/api/leads", small_lead()), 201)
    for path in ("retry-3d-model", "sync-3d-status"):
        problem(api.post(f"/api/leads/{lead['id']}/{path}", headers={"Origin": origin}), 403)
    problem(api.delete(f"/api/leads/{lead['id']}", headers={"Origin": origin}), 403)
    ok(api.get(f"/api/leads/{lead['id']}", headers={"Origin": origin}))


@pytest.mark.parametrize("origin", ["http://localhost:PORT", "http://127.0.0.1:5173", "http://[::1]"])
def test_a_page_of_this_machine_may(api: Client, origin: str) -> None:
    ok(api.post("/api/leads", small_lead(), headers={"Origin": origin.replace("PORT", str(api.port))}), 201)


def test_a_page_that_is_set_may(stage: Stage) -> None:
    api = stage.serve(environment={"CORS_ORIGIN": "https://console.example.com"}).api
    ok(api.post("/api/leads", small_lead(), headers={"Origin": "https://console.example.com"}), 201)
    problem(api.post("/api/leads", small_lead(), headers={"Origin": "https://example.com"}), 403)


def test_nothing_is_stored_for_a_stranger(api: Client, company: int) -> None:
    answer = api.post("/api/leads", small_lead(company_id=company),
                      headers={"X-Forwarded-For": "192.0.2.1"})
    assert 400 <= answer.status < 500
    assert ok(api.get(f"/api/leads?company_id={company}"))["total"] == 0


def test_insecure_takes_everybody(stage: Stage) -> None:
    api = stage.serve(None, "--insecure").api
    ok(api.get("/api/leads", headers={"Host": "example.com", "X-Forwarded-For": "192.0.2.1"}))


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])
def test_listening_elsewhere_is_refused(stage: Stage, address: str) -> None:
    program = stage.prepare_serve(environment={"LISTEN": address})
    program.launch()
    assert program.wait_exit() > 0
    assert "LISTEN" in program.tail()
    program.expect_errors()


# ---- Health, and the end

def test_health(api: Client) -> None:
    health = ok(api.get("/health"))
    assert set(health) >= {"status", "database", "jobs", "upstream"}


def test_the_end_waits_for_nobody_who_is_idle(stage: Stage) -> None:
    server = stage.serve()
    with server.api.connect() as idle, server.api.connect() as silent:
        answer = idle.send(get_text("/health", server.port)).answer()
        assert answer is not None and answer.status == 200
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 10
        assert idle.is_closed() and silent.is_closed()


@pytest.mark.parametrize("begun", [
    "GET /health HT", "GET /health HTTP/1.1\r\nHost: localhost\r\n",
    f"POST /api/leads HTTP/1.1\r\nHost: localhost\r\n{JSON_LINES}Content-Length: 9\r\n\r\n{{",
], ids=["request line", "headers", "body"])
def test_the_end_waits_for_nobody_who_hung_up(stage: Stage, begun: str) -> None:
    server = stage.serve()
    for _ in range(20):
        with server.api.connect() as connection:
            connection.send(begun.encode())
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 8


def test_a_second_server_on_the_same_database_is_refused(stage: Stage) -> None:
    first = stage.serve()
    if stage.engine != "sqlite":
        pytest.skip("any number of servers share one PostgreSQL")
    second = stage.prepare_serve()
    second.launch()
    assert second.wait_exit() > 0
    assert "sunlead.db" in second.tail()
    second.expect_errors()
    ok(first.api.get("/health"))
