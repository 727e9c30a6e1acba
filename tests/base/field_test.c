// Tests of base/field.c, by a table that has a field of each type.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/field.h"
#include "base/macro.h"

enum color { COLOR_NONE, COLOR_RED, COLOR_GAP, COLOR_BLUE };
enum shape { SHAPE_FLAT, SHAPE_ROUND };

static const char *const color_names[] = {NULL, "red", NULL, "blue", FIELD_NAMES_END};
static const char *const shape_names[] = {"flat", "round", FIELD_NAMES_END};

struct place {
    double x;
    struct str name;
};

struct thing {
    int64_t id;
    struct opt_i64 count;
    double weight;
    struct opt_f64 price;
    bool active;
    struct str title;
    struct opt_i64 made_at;
    enum color color;
    enum shape shape;
    double months[3];
    struct place place;
    struct str extra;
};

static const struct field place_fields[] = {
    {FIELD_AS_F64(struct place, x)},
    {FIELD_AS_STR(struct place, name, 10)},
};
static const struct field_table place_table = FIELD_TABLE("place", place_fields, struct place);

static const struct field thing_fields[] = {
    {FIELD_AS_I64(struct thing, id)},
    {FIELD_AS_OPT_I64(struct thing, count), .alias = {"number", "amount"}},
    {FIELD_AS_F64(struct thing, weight)},
    {FIELD_AS_OPT_F64(struct thing, price)},
    {FIELD_AS_BOOL(struct thing, active)},
    {FIELD_AS_STR(struct thing, title, 20), .alias = {"Title"}},
    {FIELD_AS_TIME(struct thing, made_at)},
    {FIELD_AS_ENUM(struct thing, color, enum color, color_names)},
    {FIELD_AS_ENUM(struct thing, shape, enum shape, shape_names)},
    {FIELD_AS_F64_LIST(struct thing, months, 3)},
    {FIELD_AS_OBJECT(struct thing, place, &place_table)},
    {FIELD_AS_RAW(struct thing, extra, 100)},
};
static const struct field_table thing_table = FIELD_TABLE("thing", thing_fields, struct thing);

static struct thing full_thing(void)
{
    return (struct thing){
        .id = 1,
        .count = OPT_I64(2),
        .weight = 3.5,
        .price = OPT_F64(4.5),
        .active = true,
        .title = STR("five"),
        .made_at = OPT_I64(6),
        .color = COLOR_BLUE,
        .shape = SHAPE_ROUND,
        .months = {1, 2, 3},
        .place = {.x = 7, .name = STR("eight")},
        .extra = STR("{}"),
    };
}

static void test_find(void **state)
{
    (void)state;
    static const struct {
        struct str name;
        int want;
    } cases[] = {
        {STR_INIT("id"), 0},
        {STR_INIT("count"), 1},
        {STR_INIT("number"), 1},
        {STR_INIT("amount"), 1},
        {STR_INIT("title"), 5},
        {STR_INIT("Title"), 5},
        {STR_INIT("extra"), 11},
        {STR_INIT("ID"), -1},
        {STR_INIT("i"), -1},
        {STR_INIT("idx"), -1},
        {STR_INIT("id\0"), -1},
        {STR_INIT(""), -1},
        {{0}, -1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(field_find(&thing_table, cases[i].name), cases[i].want);
}

static bool can_be_null(const struct field *field)
{
    return field->type == FIELD_OPT_I64 || field->type == FIELD_OPT_F64 ||
           field->type == FIELD_STR || field->type == FIELD_TIME || field->type == FIELD_RAW ||
           (field->type == FIELD_ENUM && field->names == color_names);
}

static void test_null(void **state)
{
    (void)state;
    const struct thing empty = {0};
    for (size_t i = 0; i < thing_table.count; i++) {
        const struct field *field = &thing_table.fields[i];
        struct thing thing = full_thing();
        assert_false(field_is_null(field, &thing));
        field_set_null(field, &thing);
        assert_int_equal(field_is_null(field, &thing), can_be_null(field));
        assert_true(field_equal(field, &thing, &empty));

        // The other fields stay as they are.
        const struct thing full = full_thing();
        for (size_t k = 0; k < thing_table.count; k++) {
            if (k != i)
                assert_true(field_equal(&thing_table.fields[k], &thing, &full));
        }
    }
}

static void test_equal(void **state)
{
    (void)state;
    const struct thing empty = {0};
    const struct thing full = full_thing();
    const char title[] = "five";
    struct thing same = full_thing();
    same.title = (struct str){.ptr = title, .len = 4};
    for (size_t i = 0; i < thing_table.count; i++) {
        const struct field *field = &thing_table.fields[i];
        assert_true(field_equal(field, &full, &same));
        assert_false(field_equal(field, &full, &empty));
        assert_false(field_equal(field, &empty, &full));
    }
}

static void test_equal_edges(void **state)
{
    (void)state;
    const struct field *count = &thing_fields[field_find(&thing_table, STR("count"))];
    const struct field *price = &thing_fields[field_find(&thing_table, STR("price"))];
    const struct field *weight = &thing_fields[field_find(&thing_table, STR("weight"))];
    const struct field *title = &thing_fields[field_find(&thing_table, STR("title"))];
    const struct field *months = &thing_fields[field_find(&thing_table, STR("months"))];
    const struct field *place = &thing_fields[field_find(&thing_table, STR("place"))];
    struct thing a = {0};
    struct thing b = {0};

    // What is not set has no value to differ in.
    a.count.value = 5;
    a.price.value = 5;
    assert_true(field_equal(count, &a, &b));
    assert_true(field_equal(price, &a, &b));
    a.count.set = true;
    b.count.set = true;
    assert_false(field_equal(count, &a, &b));

    a.weight = -0.0;
    assert_true(field_equal(weight, &a, &b));
    a.title = STR("");
    assert_false(field_equal(title, &a, &b));
    a.months[2] = 1;
    assert_false(field_equal(months, &a, &b));
    a.place.name = STR("x");
    b.place.name = STR("y");
    assert_false(field_equal(place, &a, &b));
}

static void test_enum_parse(void **state)
{
    (void)state;
    static const struct {
        const char *const *names;
        struct str text;
        int want;
    } cases[] = {
        {color_names, STR_INIT("red"), COLOR_RED},
        {color_names, STR_INIT("blue"), COLOR_BLUE},
        {color_names, STR_INIT(""), -1},
        {color_names, {0}, -1},
        {color_names, STR_INIT("green"), -1},
        {shape_names, STR_INIT("flat"), SHAPE_FLAT},
        {shape_names, STR_INIT("round"), SHAPE_ROUND},
        {shape_names, STR_INIT("Round"), -1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(field_enum_parse(cases[i].names, cases[i].text), cases[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),       cmocka_unit_test(test_null),
        cmocka_unit_test(test_equal),      cmocka_unit_test(test_equal_edges),
        cmocka_unit_test(test_enum_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
