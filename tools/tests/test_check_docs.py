import unittest

import support  # noqa: F401
from check_docs import check, members, named

ROUTES = """const struct http_route api_routes[] = {
    {HTTP_GET, "/api/leads/{id}", lead_api_get, 0, 0},
    // {HTTP_PUT, "/old", nothing, 0, 0},
};"""
TABLE = """static const struct field fields[] = {
    {FIELD_AS_I64(struct lead, id), .flags = FIELD_READ_ONLY},
    {FIELD_AS_STR(struct lead, address, MAX)}, // FIELD_NO_JSON
    {FIELD_AS_I64(struct lead, version), .flags = FIELD_NO_JSON},
    {FIELD_AS_STR(struct lead, postal_code, MAX),
     .alias = {"Postalcode", "postalCode"}},
};"""
DOCUMENT = """### `GET /api/leads/{id}`
`id`, `address`, `postal_code` (also `Postalcode` or `address.postalCode`)
"""


class Docs(unittest.TestCase):
    def check(self, document, *problems):
        self.assertEqual(check(document, ROUTES, {"lead.c": TABLE}), list(problems))

    def test_members(self):
        self.assertEqual(members(TABLE), ["id", "address", "postal_code", "Postalcode", "postalCode"])

    def test_what_is_complete(self):
        self.check(DOCUMENT)

    def test_a_member_that_is_missing(self):
        self.check(DOCUMENT.replace("`address`", "address"), "docs/api.md: `address` of lead.c is missing")

    def test_examples_do_not_count(self):
        self.assertEqual(named("```console\n`a`\n```\n`b`\n"), {"b"})

    def test_a_route_that_is_missing(self):
        self.check(DOCUMENT.replace("### ", ""), "docs/api.md: the heading of `GET /api/leads/{id}` is missing")

    def test_a_route_that_is_not_there(self):
        self.check(DOCUMENT + "### `PUT /old`\n", "docs/api.md: `PUT /old` is no route")

    def test_sources_that_cannot_be_read(self):
        self.assertEqual(check("", "", {"lead.c": ""}), ["lead.c: no field table was found",
                                                         "src/api/api_routes.c: no route was found"])


if __name__ == "__main__":
    unittest.main()
