import unittest

import support  # noqa: F401
from check_budget import check_text, check_tree, measure, read_exceptions
from ctokens import functions


def measured(text, what):
    function, = functions(text)
    return measure(function)[what]


class Budget(unittest.TestCase):
    def test_complexity(self):
        text = """int f(int a) {
            if (a && a) { } else if (a || !a) { }
            for (;;) while (a) do { } while (a ? 1 : 0);
            switch (a) { case 1: case 2: default: break; }
            x("if && case"); // if
            return sizeof(int);
        }"""
        self.assertEqual(measured(text, "complexity"), 1 + 4 + 4 + 2)

    def test_brace_depth(self):
        self.assertEqual(measured("void f(void) { }", "brace depth"), 1)
        self.assertEqual(measured(
            "void f(void) { for (;;) { if (a) { } else { each(b) { } } } { } }", "brace depth"), 4)

    def test_initialisers_have_no_depth(self):
        text = """void f(void) {
            struct s a = {.b = {{1}, {2}}};
            g((struct s){.b = {1}}, &(struct s){{{0}}});
            return (struct s){{{{0}}}};
        }"""
        self.assertEqual(measured(text, "brace depth"), 1)

    def test_at_the_limit(self):
        text = "int f(int a, int b, int c, int d, int e)\n{\n" + "x;\n" * 77 + "}\n"
        self.assertEqual(check_text(text), [])

    def test_over_the_limit(self):
        text = ("int f(int a, int b, int c, int d, int e, int g)\n{\n" + "if (a) x;\n" * 20
                + "{ { { { } } } }\n" + "x;\n" * 60 + "}\n")
        self.assertEqual([words for _, _, words in check_text(text)],
                         ["f: lines 84 (at most 80)", "f: complexity 21 (at most 20)",
                          "f: brace depth 5 (at most 4)", "f: parameters 6 (at most 5)"])

    def test_long_file(self):
        self.assertEqual(check_text("\n" * 800), [])
        self.assertEqual(check_text("\n" * 801), [("-", 800, "801 lines (at most 800)")])

    def test_exceptions(self):
        long = {"src/a.c": "\n" * 801}
        self.assertEqual(check_tree(long, read_exceptions("# why\nsrc/a.c:- a table\n")), [])
        self.assertEqual(check_tree(long, {}), ["src/a.c:800: 801 lines (at most 800)"])
        self.assertEqual(check_tree({}, read_exceptions("src/a.c:f old\n")),
                         ["tools/budget_exceptions.txt: src/a.c:f is within the budget"])
        self.assertEqual(check_tree(long, read_exceptions("src/a.c:-\n")),
                         ["tools/budget_exceptions.txt: src/a.c:- has no reason"])


if __name__ == "__main__":
    unittest.main()
