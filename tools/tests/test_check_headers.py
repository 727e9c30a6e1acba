import tempfile
import unittest
from pathlib import Path

import support  # noqa: F401
from check_headers import check_comments, check_compiles, check_guard


class Guard(unittest.TestCase):
    def test_guard(self):
        self.assertEqual(check_guard("// Owns a.\n#ifndef A_H\n#define A_H\n#endif\n"), [])
        for text in ("int a;\n", "#ifndef A_H\n#define B_H\n#endif\n"):
            self.assertEqual(check_guard(text), ["no header guard"])


class Comments(unittest.TestCase):
    def test_comment_that_starts_with_the_name(self):
        self.assertEqual(check_comments("// f() does it.\n// More.\nint f(int a,\n      int b);\n"),
                         [])

    def test_inline_definition(self):
        self.assertEqual(check_comments("// f adds.\nstatic inline int f(void) { return 1; }\n"), [])
        self.assertEqual(check_comments("static inline int f(void) { return 1; }\n"),
                         ["1: no comment starts with f"])

    def test_group(self):
        self.assertEqual(check_comments("// f, g and h do it.\nint f(void);\nint g(int a,\n"
                                        "      int b);\nint h(void);\n"), [])

    def test_missing(self):
        self.assertEqual(check_comments("// f does it.\nint f(void);\n\nint g(void);\n"),
                         ["4: no comment starts with g"])

    def test_comment_that_does_not_touch(self):
        self.assertEqual(check_comments("// f does it.\n\nint f(void);\n"),
                         ["3: no comment starts with f"])

    def test_comment_about_another(self):
        self.assertEqual(check_comments("// Does what f does.\nint f(void);\n"),
                         ["2: no comment starts with f"])


class Compiles(unittest.TestCase):
    def test_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "src").mkdir()
            (root / "src/good.h").write_text("#include <stddef.h>\nsize_t f(void);\n")
            (root / "src/bad.h").write_text("size_t f(void);\n")
            self.assertEqual(check_compiles(root, "good.h", []), [])
            self.assertIn("size_t", check_compiles(root, "bad.h", [])[0])


if __name__ == "__main__":
    unittest.main()
