// Fuzzes base/clock.c: what is read and written again reads as the same time.
#include "fuzz/fuzz.h"

#include "base/clock.h"

static void check_round_trip(int64_t time_us)
{
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, TIME_TEXT_MAX - 1);
    int64_t back = 0;
    time_append(&buf, time_us);
    check(!buf.overflow);
    check(time_parse(buf_str(&buf), &back) == ERR_OK);
    check(back == time_us);

    buf_reset(&buf);
    time_append_http(&buf, time_us);
    check(!buf.overflow);
    check(time_parse_http(buf_str(&buf), &back) == ERR_OK);
    check(back <= time_us && time_us - back < US_PER_S);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {.ptr = (const char *)data, .len = size};
    int64_t time_us = 0;
    if (time_parse(text, &time_us) == ERR_OK)
        check_round_trip(time_us);

    if (time_parse_http(text, &time_us) == ERR_OK) {
        CLEANUP(buf_done) struct buf buf;
        buf_init(&buf, TIME_TEXT_MAX);
        time_append_http(&buf, time_us);
        check(str_equal(buf_str(&buf), text));
        check_round_trip(time_us);
    }

    if (size == sizeof(time_us)) {
        memcpy(&time_us, data, sizeof(time_us));
        if (time_us >= TIME_MIN_US && time_us <= TIME_MAX_US)
            check_round_trip(time_us);
    }
    return 0;
}
