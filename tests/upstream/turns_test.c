// Tests of upstream/turns.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/macro.h"
#include "upstream/turns.h"

// Lets one call after the other go through a number of slots and counts those of each class; each
// call ends when its slot is needed, the oldest first.
struct traffic {
    struct turns turns;
    bool waits[LF_CLASS_COUNT];
    enum lf_class order[1000];
    size_t begun;
    size_t ended;
};

static void end_oldest(struct traffic *t)
{
    turns_end(&t->turns, t->order[t->ended++]);
}

static enum lf_class begin_next(struct traffic *t)
{
    enum lf_class class = turns_next(&t->turns, t->waits);
    if (class != LF_CLASS_OF_KIND) {
        turns_begin(&t->turns, class);
        t->order[t->begun++] = class;
    }
    return class;
}

static void fill(struct traffic *t)
{
    while (begin_next(t) != LF_CLASS_OF_KIND)
        continue;
}

static struct traffic traffic_of(unsigned slots)
{
    struct traffic t = {0};
    turns_init(&t.turns, slots);
    return t;
}

// Whoever has waited long: a create and a refresh that come now take the next slots.
static void test_new_ones_go_next(void **state)
{
    (void)state;
    for (unsigned slots = 1; slots <= 16; slots++) {
        struct traffic t = traffic_of(slots);
        t.waits[LF_CLASS_POLL] = t.waits[LF_CLASS_LOOKUP] = true;
        for (int i = 0; i < 300; i++) {
            fill(&t);
            end_oldest(&t);
        }
        t.waits[LF_CLASS_CREATE] = true;
        assert_int_equal(begin_next(&t), LF_CLASS_CREATE);
        t.waits[LF_CLASS_CREATE] = false;
        t.waits[LF_CLASS_USER] = true;
        enum lf_class class = begin_next(&t);
        if (class != LF_CLASS_USER) { // its slot was the create's
            assert_int_equal(class, LF_CLASS_OF_KIND);
            end_oldest(&t);
            assert_int_equal(begin_next(&t), LF_CLASS_USER);
        }
    }
}

// Lets calls of all classes through and compares how many there were of each; more slots than one
// give those a little more who have slots of their own.
struct share_row {
    unsigned slots;
    size_t least[LF_CLASS_COUNT];
    size_t most[LF_CLASS_COUNT];
};

static void test_shares(void **state)
{
    static const struct share_row rows[] = {
        {1, {0, 325, 325, 162, 80}, {0, 330, 330, 166, 84}},
        {2, {0, 440, 180, 90, 45}, {0, 520, 270, 150, 80}},
        {8, {0, 300, 200, 100, 50}, {0, 400, 340, 200, 110}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct traffic t = traffic_of(rows[i].slots);
        size_t counts[LF_CLASS_COUNT] = {0};
        memset(t.waits, true, sizeof(t.waits));
        while (t.begun < 900) {
            fill(&t);
            end_oldest(&t);
        }
        for (size_t k = 0; k < t.begun; k++)
            counts[t.order[k]]++;
        for (int class = LF_CLASS_CREATE; class < LF_CLASS_COUNT; class ++) {
            if (counts[class] < rows[i].least[class] || counts[class] > rows[i].most[class])
                fail_msg("%u slots: %zu of class %d", rows[i].slots, counts[class], class);
        }
    }
}

// A class that got more for a while, because nobody else wanted it, is not made to pay for it.
static void test_the_past_does_not_count(void **state)
{
    (void)state;
    struct traffic t = traffic_of(1);
    t.waits[LF_CLASS_POLL] = true;
    for (int i = 0; i < 500; i++) {
        fill(&t);
        end_oldest(&t);
    }
    t.waits[LF_CLASS_LOOKUP] = true;
    for (int i = 0; i < 9; i++) {
        fill(&t);
        end_oldest(&t);
    }
    size_t polls = 0;
    for (size_t i = 500; i < t.begun; i++)
        polls += t.order[i] == LF_CLASS_POLL ? 1 : 0;
    assert_in_range(polls, 5, 7);
}

// Slots that are a class's own stay free for it; one slot at least is for anybody.
static void test_own_slots(void **state)
{
    static const struct {
        unsigned slots;
        unsigned most[LF_CLASS_COUNT]; // that a class gets when only it has calls
    } rows[] = {
        {1, {0, 1, 1, 1, 1}}, {2, {0, 2, 1, 1, 1}}, {3, {0, 2, 2, 1, 1}},
        {4, {0, 2, 2, 2, 1}}, {8, {0, 6, 5, 5, 4}}, {16, {0, 12, 10, 10, 8}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int class = LF_CLASS_CREATE; class < LF_CLASS_COUNT; class ++) {
            struct traffic t = traffic_of(rows[i].slots);
            t.waits[class] = true;
            fill(&t);
            assert_int_equal(t.begun, rows[i].most[class]);
            // What is kept is there for the others, up to the last slot.
            memset(t.waits, true, sizeof(t.waits));
            fill(&t);
            assert_int_equal(t.turns.busy, rows[i].slots);
            while (t.ended < t.begun)
                end_oldest(&t);
            assert_int_equal(t.turns.busy, 0);
        }
    }
}

static void test_nobody(void **state)
{
    (void)state;
    struct traffic t = traffic_of(8);
    assert_int_equal(turns_next(&t.turns, t.waits), LF_CLASS_OF_KIND);
    t.waits[LF_CLASS_OF_KIND] = true; // which is no class
    assert_int_equal(turns_next(&t.turns, t.waits), LF_CLASS_OF_KIND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_ones_go_next),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_the_past_does_not_count),
        cmocka_unit_test(test_own_slots),
        cmocka_unit_test(test_nobody),
    };
    return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
