import unittest

import support  # noqa: F401
from check_layers import check_tree, read_rules

RULES = """# the table
layer base | | libsodium
layer json | base | jansson
layer store | json base |
layer app | * |
header jansson.h | json/*
header sqlite3.h | store/driver_sqlite*.c
word `json_object_get(` | json/* store/wire.c
word `"SELECT ` | store/*
"""


class Layers(unittest.TestCase):
    def check(self, texts, *problems):
        self.assertEqual(check_tree(read_rules(RULES), texts), list(problems))

    def test_what_is_allowed(self):
        self.check({
            "base/str.h": "#include <stddef.h>\n",
            "base/str.c": '#include "base/str.h"\n',
            "json/read.c": '#include "base/str.h"\n#include <jansson.h>\njson_object_get(a, b);\n',
            "store/driver_sqlite_read.c": "#include <sqlite3.h>\n",
            "store/wire.c": 'json_object_get(a, b); x("SELECT 1");\n',
            "app/main.c": '#include "store/lead.h"\n#include "base/str.h"\n',
        })

    def test_upwards(self):
        self.check({"base/str.c": '\n#include "json/read.h"\n'},
                   'src/base/str.c:2: layer base may not include "json/read.h"')

    def test_layer_that_is_not_listed(self):
        self.check({"json/a.c": '#include "app/b.h"\n'},
                   'src/json/a.c:1: layer json may not include "app/b.h"')

    def test_include_without_layer(self):
        self.check({"base/str.c": '#include "str.h"\n#include "nothing/a.h"\n'},
                   'src/base/str.c:1: "str.h" does not name a layer',
                   'src/base/str.c:2: "nothing/a.h" does not name a layer')

    def test_library_header(self):
        self.check({"base/a.h": "#include <jansson.h>\n",
                    "store/lead_store.c": ' # include "sqlite3.h" // comment\n'},
                   "src/base/a.h:1: <jansson.h> is for json/* only",
                   "src/store/lead_store.c:1: <sqlite3.h> is for store/driver_sqlite*.c only")

    def test_word(self):
        self.check({"app/a.c": 'x();\ny = json_object_get(a, "b");\n'},
                   "src/app/a.c:2: json_object_get( is for json/* store/wire.c only")

    def test_sql(self):
        self.check({"app/a.c": 'f("SELECT 1");\n'}, 'src/app/a.c:1: "SELECT  is for store/* only')

    def test_comments_do_not_count(self):
        self.check({"app/a.c": '// json_object_get(\n/*\n#include <jansson.h>\n"SELECT " */\n'})

    def test_folder_that_is_no_layer(self):
        self.check({"util/a.c": "", "stray.c": "", "base/deep/b.c": ""},
                   "src/util/a.c: not in the folder of a layer",
                   "src/stray.c: not in the folder of a layer",
                   "src/base/deep/b.c: not in the folder of a layer")

    def test_names_are_unique(self):
        self.check({"base/lead.c": "", "json/lead.c": ""},
                   "src/json/lead.c: src/base/lead.c has the same name")

    def test_circle_of_headers(self):
        self.check({"base/a.h": '#include "base/b.h"\n', "base/b.h": '#include "base/a.h"\n'},
                   "src/base/a.h: headers make a circle: base/a.h -> base/b.h -> base/a.h")

    def test_table_that_cannot_be_read(self):
        for rules in ("layer a | b |\n", "lair a | |\n"):
            with self.assertRaises(SystemExit):
                read_rules(rules)


if __name__ == "__main__":
    unittest.main()
