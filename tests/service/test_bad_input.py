"""Bad input on every route: a 4xx that names the place, never a 5xx, and nothing stored."""
import copy
import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from harness import Answer, Client, FakeUpstream, Server, Stage, ok, problem
from samples import LEAD, PROJECT, project_for, small_lead

ID_MAX = 2**53 - 1
LIGHTFUSION_ID_MAX = 2**31 - 1


# ---- What fields take

@dataclass(frozen=True)
class Kind:
    wrong: tuple[Any, ...]         # values of another type
    outside: tuple[Any, ...] = ()  # values of the type, out of bounds
    nullable: bool = True


def whole(least: int, most: int, nullable: bool = True) -> Kind:
    return Kind(("1", "", True, [], [1], {}, 1.5, least + 0.5),
                (least - 1, most + 1, 10**18, -(10**18), 1e300), nullable)


def number(least: float, most: float, nullable: bool = True) -> Kind:
    return Kind(("1", "", "NaN", True, [], [1], {}), (least - 0.001, most * 1.001, 1e300, -1e300), nullable)


def text(most_bytes: int) -> Kind:
    return Kind((1, 1.5, True, [], ["x"], {}),
                ("x" * (most_bytes + 1), "é" * (most_bytes // 2) + "xx", "x" * 5000))


def choice(*names: str) -> Kind:
    return Kind((1, 0, True, [], {}), ("", names[0].upper(), names[0] + " ", "other", "x" * 10_000))


ID = whole(1, ID_MAX)
LIGHTFUSION_ID = whole(1, LIGHTFUSION_ID_MAX)
REQUIRED_ID = whole(1, ID_MAX, nullable=False)
TRUTH = Kind((0, 1, "true", "", [], {}), nullable=False)
TIME = Kind((1, True, [], {}), ("", "yesterday", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z",
                                "2026-01-01T25:00:00Z", "2026-01-01T00:00:00", "2026-1-1", "x" * 10_000))
OBJECT = Kind((1, "x", True, [], [{}]))
ADDRESS = Kind((1, 1.5, True, [], ["x"]), ("x" * 501, "é" * 251, "x" * 100_000))
MONTHS = Kind((1, "x", True, {}), ([], [1] * 11, [1] * 13, [1] * 1000))
MONTH = Kind(("1", True, [], {}, None), (-1, -0.001, 1e9))

TERMS = {
    "address": ADDRESS,
    "address/street": text(500),
    "address/city": text(200),
    "address/state": text(200),
    "address/Postalcode": text(200),
    "address/country": text(200),
    "homeowner": OBJECT,
    "homeowner/email": text(200),
    "homeowner/first_name": text(200),
    "homeowner/last_name": text(200),
    "homeowner/phone": text(200),
    "hardware": OBJECT,
    "hardware/panel_id": LIGHTFUSION_ID,
    "hardware/inverter_id": LIGHTFUSION_ID,
    "hardware/storage_id": LIGHTFUSION_ID,
    "hardware/storage_quantity": whole(0, 1000),
    "consumption": MONTHS,
    "consumption/0": MONTH,
    "consumption/11": MONTH,
    "lse_id": LIGHTFUSION_ID,
    "period": choice("month", "year"),
    "target_solar_offset": whole(1, 1000),
    "mode": text(20),
    "unit": text(20),
}

LEAD_FIELDS = {
    "company_id": REQUIRED_ID,
    "creator_id": REQUIRED_ID,
    "latitude": number(-90, 90, nullable=False),
    "longitude": number(-180, 180, nullable=False),
    "address": ADDRESS,
    "source": whole(0, 4, nullable=False),
    "kwh_usage": number(0, 1e9),
    "system_size": number(0, 1e6),
    "panel_count": whole(0, 10**6),
    "annual_production": number(0, 1e9),
    "state": whole(0, 3, nullable=False),
    "promo_code": text(200),
    "is_2d": TRUTH,
    "external_lead_id": text(200),
    "sync_status": choice("pending", "synced", "failed", "syncing"),
    "panel_id": LIGHTFUSION_ID,
    "inverter_id": LIGHTFUSION_ID,
    "utility_id": LIGHTFUSION_ID,
    "roof_material": text(200),
    "installation_date": TIME,
}

PROJECT_FIELDS = {
    "lead_id": ID,
    "company_id": REQUIRED_ID,
    "creator_id": REQUIRED_ID,
    "latitude": number(-90, 90, nullable=False),
    "longitude": number(-180, 180, nullable=False),
    "force": TRUTH,
} | TERMS

ITEM_FIELDS = PROJECT_FIELDS | {
    "reference": Kind((1, 1.5, True, [], ["x"], {}), ("", "x" * 201, "é" * 100 + "x", "x" * 5000)),
}

# Bodies that are in order, to be spoiled in one place. That of "item" is sent as the one item of a batch.
LEAD_BODY = PROJECT | {"create_3d_model": True}
ROUTES = {
    "create": (LEAD_FIELDS | TERMS | {"create_3d_model": TRUTH}, LEAD_BODY),
    "update": (LEAD_FIELDS, {"address": {"street": "1 Main St"}}),
    "order": (PROJECT_FIELDS, PROJECT),
    "item": (ITEM_FIELDS, PROJECT),
}
PATHS = {"create": "/api/leads", "order": "/api/projects/3d", "item": "/api/projects/3d/batch"}


def spoil(body: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """The body with one value, inside of objects and lists, replaced."""
    spoiled = copy.deepcopy(body)
    *above, last = place.split("/")
    inside: Any = spoiled
    for name in above:
        inside = inside.setdefault(name, {})
    if isinstance(inside, list):
        inside[int(last)] = value
    else:
        inside[last] = value
    return spoiled


def shown(value: Any) -> str:
    """A value as part of a test's name."""
    return re.sub(r"[^\w.+\-\[\]{}\"]", "_", json.dumps(value))[:24]


def spoiled_values() -> list[Any]:
    cases = []
    for route, (fields, _) in ROUTES.items():
        for place, kind in fields.items():
            values = [*kind.wrong, *kind.outside] + ([] if kind.nullable else [None])
            cases += [pytest.param(route, place, value, id=f"{route}-{place}-{shown(value)}-{i}")
                      for i, value in enumerate(values)]
    return cases


# ---- Around the tests: one server, whose leads and orders are looked at around each request

class Guarded:
    """A server with one lead, and a LightFusion that counts what is ordered."""

    def __init__(self, server: Server, fake: FakeUpstream):
        self.api = server.api
        self.fake = fake
        self.lead = ok(self.api.post("/api/leads", LEAD), 201)

    def send(self, route: str, body: Any = None, raw: bytes | None = None) -> Answer:
        if route == "update":
            return self.api.put(f"/api/leads/{self.lead['id']}", body, raw=raw)
        return self.api.post(PATHS[route], {"orders": [body]} if route == "item" else body, raw=raw)

    def refuses(self, route: str, body: Any = None, raw: bytes | None = None,
                pointer: str | None = None, status: int = 400) -> Any:
        """Sends what must be refused; nothing may have changed by it. Returns the problem."""
        before = self.stored()
        answer = self.send(route, body, raw)
        assert self.stored() == before
        if route == "item" and raw is None and status == 400:
            return self.item_of(answer, pointer)
        return problem(answer, status, pointer)

    @staticmethod
    def item_of(answer: Answer, pointer: str | None) -> Any:
        """What is said of a batch's one item, as if it had been sent alone."""
        details = problem(answer, 422)
        assert details["rejected"] == 1 and details["accepted"] == details["repeated"] == 0
        (result,) = details["results"]
        assert result["status"] == "rejected" and result["lead_id"] is None
        for place in result["errors"]:
            assert place["pointer"].startswith("/orders/0")
            place["pointer"] = place["pointer"].removeprefix("/orders/0")
        assert pointer is None or pointer in [place["pointer"] for place in result["errors"]]
        return details | {"errors": result["errors"]}

    def stored(self) -> tuple[Any, ...]:
        """What a request that is refused leaves as it is: the leads, and what was ordered."""
        page = ok(self.api.get("/api/leads?limit=1"))
        lead = ok(self.api.get(f"/api/leads/{self.lead['id']}"))
        return page["total"], page["leads"], lead, self.fake.count("POST", "/v1/lead/create")


@pytest.fixture(scope="module")
def guarded(module_stage: Stage) -> Guarded:
    fake = module_stage.fake()
    return Guarded(module_stage.serve(fake.url()), fake)


@pytest.fixture
def api(guarded: Guarded) -> Client:
    return guarded.api


# ---- One place wrong

@pytest.mark.parametrize("route,place,value", spoiled_values())
def test_one_value_is_wrong(guarded: Guarded, route: str, place: str, value: Any) -> None:
    details = guarded.refuses(route, spoil(ROUTES[route][1], place, value), pointer=f"/{place}")
    assert len(details["errors"]) == 1


@pytest.mark.parametrize("place", ["", "address/", "homeowner/", "hardware/"])
@pytest.mark.parametrize("name", ["unknown", "Latitude", "lat", "", "a/b", "x" * 5000, "\u001b[31m",
                                  "naïve", "__proto__", "hidden\n"])
@pytest.mark.parametrize("route", ROUTES)
def test_an_unknown_member(guarded: Guarded, route: str, place: str, name: str) -> None:
    fields, body = ROUTES[route]
    if place and place.rstrip("/") not in fields:
        return
    spoiled = copy.deepcopy(body)
    inside = spoiled.setdefault(place.rstrip("/"), {}) if place else spoiled
    inside[name] = 1
    details = guarded.refuses(route, spoiled)
    (place_named,) = details["errors"]
    assert place_named["detail"] == "unknown member"
    escaped = f"/{place}{name.replace('~', '~0').replace('/', '~1')}"
    if name.isprintable() and len(escaped) < 100:
        assert place_named["pointer"] == escaped
    assert len(place_named["pointer"]) < 200
    assert place_named["pointer"].isprintable()


@pytest.mark.parametrize("name", ["company_id", "creator_id", "latitude", "longitude"])
@pytest.mark.parametrize("route", ["create", "order", "item"])
def test_a_required_member_is_missing(guarded: Guarded, route: str, name: str) -> None:
    body = {key: value for key, value in ROUTES[route][1].items() if key != name}
    details = guarded.refuses(route, body, pointer=f"/{name}")
    (place_named,) = details["errors"]
    assert place_named["detail"].startswith("is required")


def test_everything_is_missing(guarded: Guarded) -> None:
    for route in ("create", "order", "item"):
        details = guarded.refuses(route, {})
        assert {place["pointer"] for place in details["errors"]} == {
            "/company_id", "/creator_id", "/latitude", "/longitude"}


@pytest.mark.parametrize("aliases", [("Postalcode", "postal_code"), ("Postalcode", "postalCode"),
                                     ("postal_code", "postalCode")])
@pytest.mark.parametrize("route", ROUTES)
def test_one_member_under_two_names(guarded: Guarded, route: str, aliases: tuple[str, str]) -> None:
    body = ROUTES[route][1] | {"address": {name: "94102" for name in aliases}}
    details = guarded.refuses(route, body)
    assert details["errors"][0]["pointer"] in {f"/address/{name}" for name in aliases}


def test_many_mistakes_are_named_together(guarded: Guarded) -> None:
    body = spoil(spoil(small_lead(latitude=91, address=7), "consumption", []), "zzz", 1)
    details = guarded.refuses("create", body)
    named = {place["pointer"] for place in details["errors"]}
    assert named >= {"/latitude", "/consumption", "/zzz"}


def test_more_mistakes_than_anybody_wants_to_read(guarded: Guarded) -> None:
    body = {f"unknown_{i}": i for i in range(5000)}
    for route in ROUTES:
        details = guarded.refuses(route, body)
        assert 1 <= len(details["errors"]) <= 8


# ---- Texts that are no JSON, or not the JSON that is wanted

def deep(levels: int) -> bytes:
    return b'{"address": ' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


BROKEN = {
    "empty-space": b"   ",
    "half": b'{"latitude": 37.7',
    "trailing-comma": b'{"latitude": 1,}',
    "trailing-text": b'{"latitude": 1} x',
    "two-values": b"{} {}",
    "single-quotes": b"{'latitude': 1}",
    "bare-name": b"{latitude: 1}",
    "comment": b'{"latitude": 1 /* north */}',
    "nan": b'{"latitude": NaN}',
    "infinity": b'{"latitude": Infinity}',
    "leading-zero": b'{"latitude": 01}',
    "plus": b'{"latitude": +1}',
    "hex": b'{"latitude": 0x1}',
    "bare-point": b'{"latitude": 1.}',
    "huge-number": b'{"latitude": 1e999}',
    "huge-integer": b'{"company_id": 99999999999999999999999999}',
    "duplicate-member": b'{"latitude": 1, "longitude": 1, "latitude": 1}',
    "duplicate-member-escaped": b'{"latitude": 1, "l\\u0061titude": 1}',
    "duplicate-inside": b'{"address": {"city": "a", "city": "b"}}',
    "nul-escape": b'{"address": "a\\u0000b"}',
    "nul-escape-in-a-name": b'{"addr\\u0000ess": "a"}',
    "nul-byte": b'{"address": "a\x00b"}',
    "nul-behind": b'{"latitude": 1}\x00',
    "control-character": b'{"address": "a\x01b"}',
    "newline-in-a-text": b'{"address": "a\nb"}',
    "bad-escape": b'{"address": "\\x41"}',
    "lone-surrogate": b'{"address": "\\ud800"}',
    "surrogates-swapped": b'{"address": "\\udc00\\ud800"}',
    "invalid-utf-8": b'{"address": "\xff"}',
    "overlong-utf-8": b'{"address": "\xc0\xaf"}',
    "surrogate-in-utf-8": b'{"address": "\xed\xa0\x80"}',
    "beyond-unicode": b'{"address": "\xf4\x90\x80\x80"}',
    "cut-utf-8": b'{"address": "\xe2\x82"}',
    "latin-1": '{"address": "Zürich"}'.encode("latin-1"),
    "utf-16": '{"latitude": 1}'.encode("utf-16"),
    "byte-order-mark": b"\xef\xbb\xbf{}",
    "too-deep": deep(33),
    "far-too-deep": deep(100_000),
    "never-closed": b'{"a":' * 50_000,
    "too-many-values": b'{"consumption": [' + b"0," * 150_000 + b"0]}",
    "xml": b"<lead/>",
    "form": b"latitude=1&longitude=2",
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("route", ROUTES)
def test_a_text_that_is_no_json(guarded: Guarded, route: str, case: str) -> None:
    details = guarded.refuses(route, raw=BROKEN[case])
    assert re.match(r"line \d+, column \d+: .", details["detail"])
    assert details["detail"].isprintable()
    assert details["errors"] == []


def test_the_place_in_a_broken_text(guarded: Guarded) -> None:
    details = guarded.refuses("create", raw=b'{\n  "latitude": 1,\n  "longitude" 2\n}')
    assert details["detail"].startswith("line 3, column ")


def test_as_deep_as_is_allowed(guarded: Guarded) -> None:
    guarded.refuses("order", raw=deep(32), pointer="/address")


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"text"', b"true", b"[{}]"])
@pytest.mark.parametrize("route", ROUTES)
def test_a_body_must_be_an_object(guarded: Guarded, route: str, raw: bytes) -> None:
    details = guarded.refuses(route, raw=raw, pointer="")
    assert details["errors"][0]["detail"] == "must be an object"


@pytest.mark.parametrize("route", ROUTES)
def test_a_body_must_be_there(guarded: Guarded, route: str) -> None:
    guarded.refuses(route, raw=b"")


@pytest.mark.parametrize("route", ROUTES)
def test_a_body_of_ten_megabytes(guarded: Guarded, route: str) -> None:
    body = json.dumps(ROUTES[route][1] | {"promo_code": "x" * 10_000_000}).encode()
    guarded.refuses(route, raw=body, status=413)


# ---- Orders for leads

@pytest.mark.parametrize("lead_id", [2, 10**15, ID_MAX])
def test_an_order_for_a_lead_that_is_not_there(guarded: Guarded, lead_id: int) -> None:
    guarded.refuses("order", project_for(lead_id), status=404)


@pytest.mark.parametrize("place,value", [("consumption", [1] * 11), ("latitude", 91),
                                         ("hardware/panel_id", 0), ("period", "week")])
def test_a_bad_order_for_a_lead(guarded: Guarded, place: str, value: Any) -> None:
    body = spoil(project_for(guarded.lead["id"]), place, value)
    guarded.refuses("order", body, pointer=f"/{place}")


# ---- Queries and addresses

@pytest.mark.parametrize("query,pointer", [
    ("house_id=0", "?house_id"), ("house_id=-1", "?house_id"), ("house_id=abc", "?house_id"),
    ("house_id=", "?house_id"), ("house_id=1.5", "?house_id"), ("house_id=456x", "?house_id"),
    ("house_id=99999999999999999999", "?house_id"), ("house_id=1&house_id=1", "?house_id"),
    ("houseid=456", "?houseid"),
])
def test_a_bad_query_for_a_status(api: Client, query: str, pointer: str) -> None:
    problem(api.get(f"/api/projects/3d/123?{query}"), 400, pointer)


def test_a_house_is_needed_for_a_project_that_is_not_ours(api: Client) -> None:
    problem(api.get("/api/projects/3d/123"), 400, "?house_id")


@pytest.mark.parametrize("path", ["/api/leads/{}", "/api/projects/3d/{}", "/api/projects/3d/{}/files",
                                  "/api/orders/{}", "/api/batches/{}", "/media/{}/scene.obj"])
@pytest.mark.parametrize("malformed", ["abc", "0", "-1", "1.5", "99999999999999999999", "1%20",
                                       "%F0%9F%8F%A0", "x" * 1000])
def test_a_malformed_id(api: Client, path: str, malformed: str) -> None:
    problem(api.get(path.format(malformed)), 404)


@pytest.mark.parametrize("name", ["scene.exe", "scene", "SCENE.OBJ", "scene.obj%00", "..%2Fscene.obj",
                                  "%2e%2e", ".obj", "scene.jpg.obj", "x" * 1000])
def test_a_malformed_file_name(api: Client, name: str) -> None:
    assert api.get(f"/media/1/{name}").status in (400, 404)


@pytest.mark.parametrize("malformed", ["abc", "0", "-1", "1.5", "99999999999999999999"])
@pytest.mark.parametrize("route", ["cancel-3d-model", "retry-3d-model", "sync-3d-status"])
def test_a_malformed_id_of_a_lead(api: Client, route: str, malformed: str) -> None:
    problem(api.post(f"/api/leads/{malformed}/{route}"), 404)


@pytest.mark.parametrize("name,value", [("company_id", 0), ("company_id", "1"), ("creator_id", 1.5),
                                        ("creator_id", ID_MAX + 1), ("force", True), ("x", 1), ("orders", {})])
def test_a_batch_that_is_wrong_itself(guarded: Guarded, name: str, value: Any) -> None:
    raw = json.dumps({"orders": [PROJECT]} | {name: value}).encode()
    guarded.refuses("item", raw=raw, pointer=f"/{name}")


@pytest.mark.parametrize("item", [None, 1, "x", True, [], [PROJECT]])
def test_an_item_that_is_no_object(guarded: Guarded, item: Any) -> None:
    details = guarded.refuses("item", item, pointer="")
    assert details["errors"][0]["detail"] == "must be an object"
