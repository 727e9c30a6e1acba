import unittest

import support  # noqa: F401
from ctokens import code, functions, tokens, without_comments


def found(text):
    return [(f.name, f.parameters, f.is_definition) for f in functions(text)]


class Tokens(unittest.TestCase):
    def test_comments_and_strings_do_not_mix(self):
        text = 'a("// no", \'"\', /* "x" */ b); // if "c"\nd'
        self.assertEqual([t.text for t in code(text)],
                         ["a", "(", '"// no"', ",", "'\"'", ",", "b", ")", ";", "d"])

    def test_lines_are_counted_through_everything(self):
        text = '/* 1\n2 */ "a\\\nb"\n#define X \\\n  { \nlast'
        self.assertEqual(tokens(text)[-1].line, 6)

    def test_first_branch_of_if_counts(self):
        text = "#if A\n{\n#elif B\n{ x\n#else\n{ y\n#endif\n}\n#if 0\nno\n#else\nyes\n#endif\n"
        self.assertEqual([t.text for t in code(text)], ["{", "}", "yes"])

    def test_without_comments_keeps_lines(self):
        self.assertEqual(without_comments('a /* b\nc */ "/*d*/" // e\nf'),
                         'a     \n     "/*d*/"     \nf')


class Functions(unittest.TestCase):
    def test_definitions_and_declarations(self):
        self.assertEqual(found("int f(void);\nstatic void g(int a, char *b) { h(1); }\n"),
                         [("f", 0, False), ("g", 2, True)])

    def test_parameters(self):
        self.assertEqual(found("void f(int a, int (*b)(int, int), int c[static 2], ...) {}"),
                         [("f", 3, True)])

    def test_attributes_and_macros_around(self):
        text = ("MUST_CHECK enum err f(int a) PRINTF_LIKE(1, 2);\n"
                "PRINTF_LIKE(1, 2)\nvoid g(const char *format, ...);\n"
                "__attribute__((noreturn)) static void h(int a) { }\n"
                "void k(int) __attribute__((nonnull(1)));\n")
        self.assertEqual(found(text), [("f", 1, False), ("g", 1, False), ("h", 1, True),
                                       ("k", 1, False)])

    def test_function_that_returns_a_function(self):
        self.assertEqual(found("static void (*pick(int a, int b))(int) { return 0; }"),
                         [("pick", 2, True)])

    def test_data_and_types_are_none(self):
        text = ("struct s { int (*call)(int); };\nenum e { A, B } x;\n"
                "static const struct s table[] = { {.call = f}, {.call = (f)} };\n"
                "struct __attribute__((packed)) p { int a; };\n"
                "typedef int (*fn)(int);\nextern int (*hook)(int);\n"
                "_Static_assert(sizeof(int) == 4, \"\");\nDEFINE_THING(a, b);\n"
                "int x = f(1);\n#define M(a) { (a) }\n")
        self.assertEqual(found(text), [])

    def test_after_a_type(self):
        self.assertEqual(found("struct s { int a; };\nvoid f(struct s *s) { }"), [("f", 1, True)])

    def test_lines(self):
        f, = functions("\n// c\nstatic int\nf(int a)\n{\n    return a;\n}\n")
        self.assertEqual((f.line, f.name_line, f.end_line, f.is_static), (3, 4, 7, True))


if __name__ == "__main__":
    unittest.main()
