import subprocess
import tempfile
import unittest
from pathlib import Path

import support  # noqa: F401
from embed import migrations_source

HEADER = """#include <stddef.h>
struct migration_file { const char *name; const char *text; size_t text_len; };
extern const struct migration_file migration_files[];
extern const size_t migration_file_count;
"""
MAIN = """#include "sql/migration_list.h"
#include <stdio.h>
int main(void) {
    for (size_t i = 0; i < migration_file_count; i++) {
        printf("%s:", migration_files[i].name);
        fwrite(migration_files[i].text, 1, migration_files[i].text_len, stdout);
    }
}
"""


class Embed(unittest.TestCase):
    def compiled(self, files):
        """What a program says that is built from these files."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "sql").mkdir()
            (root / "sql/migration_list.h").write_text(HEADER)
            (root / "main.c").write_text(MAIN)
            (root / "migrations.c").write_text(migrations_source(files))
            subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-I.", "main.c", "migrations.c",
                            "-o", "main"], cwd=root, check=True)
            return subprocess.run([root / "main"], stdout=subprocess.PIPE, check=True).stdout

    def test_text_comes_back(self):
        text = b'-- "quoted" \\ ??= \t\xc3\xa9\x001\r\n%s\n\nlast'
        self.assertEqual(self.compiled([("002_b.sql", b""), ("001_a.sql", text)]),
                         b"001_a.sql:" + text + b"002_b.sql:")

    def test_no_files(self):
        self.assertEqual(self.compiled([]), b"")


if __name__ == "__main__":
    unittest.main()
