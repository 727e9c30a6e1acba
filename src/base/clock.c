// The system's clock, and times as text. The calendar is computed here: the C library's functions
// know time zones, locks and locales that are not wanted.
#include "base/clock.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    check(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

static int64_t system_now_us(const struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_monotonic_us(const struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

const struct clock *clock_system(void)
{
    static const struct clock system = {.now_us = system_now_us,
                                        .monotonic_us = system_monotonic_us};
    return &system;
}

#define S_PER_DAY INT64_C(86400)

struct civil {
    int year;
    int month; // 1 to 12
    int day;   // 1 to 31
    int second_of_day;
    int us;
};

// days_from_civil() and civil_from_days() are Howard Hinnant's algorithms
// (https://howardhinnant.github.io/date_algorithms.html): years begin in March, so that the leap
// day comes last, and are counted in eras of 400.
static int64_t days_from_civil(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;
    int era = (y >= 0 ? y : y - 399) / 400;
    int year_of_era = y - era * 400;
    int day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, struct civil *ret_civil)
{
    days += 719468;
    int era = (int)((days >= 0 ? days : days - 146096) / 146097);
    int day_of_era = (int)(days - (int64_t)era * 146097);
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (5 * day_of_year + 2) / 153;
    ret_civil->day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    ret_civil->month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    ret_civil->year = year_of_era + era * 400 + (ret_civil->month <= 2 ? 1 : 0);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

// Returns the days since 1970-01-01.
static int64_t civil_from_us(int64_t time_us, struct civil *ret_civil)
{
    check(time_us >= TIME_MIN_US && time_us <= TIME_MAX_US);
    int64_t seconds = floor_div(time_us, US_PER_S);
    int64_t days = floor_div(seconds, S_PER_DAY);
    civil_from_days(days, ret_civil);
    ret_civil->second_of_day = (int)(seconds - days * S_PER_DAY);
    ret_civil->us = (int)(time_us - seconds * US_PER_S);
    return days;
}

static int64_t us_from_civil(const struct civil *civil)
{
    int64_t days = days_from_civil(civil->year, civil->month, civil->day);
    return (days * S_PER_DAY + civil->second_of_day) * US_PER_S + civil->us;
}

static bool is_leap_year(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

// Writes exactly count digits and returns the place behind them.
static char *put_digits(char *to, int value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + count;
}

static char *put_time_of_day(char *to, int second_of_day)
{
    to = put_digits(to, second_of_day / 3600, 2);
    *to++ = ':';
    to = put_digits(to, second_of_day / 60 % 60, 2);
    *to++ = ':';
    return put_digits(to, second_of_day % 60, 2);
}

void time_append(struct buf *buf, int64_t time_us)
{
    struct civil civil;
    civil_from_us(time_us, &civil);
    char text[TIME_TEXT_MAX];
    char *end = put_digits(text, civil.year, 4);
    *end++ = '-';
    end = put_digits(end, civil.month, 2);
    *end++ = '-';
    end = put_digits(end, civil.day, 2);
    *end++ = 'T';
    end = put_time_of_day(end, civil.second_of_day);
    if (civil.us != 0) {
        bool whole_ms = civil.us % 1000 == 0;
        *end++ = '.';
        end = whole_ms ? put_digits(end, civil.us / 1000, 3) : put_digits(end, civil.us, 6);
    }
    *end++ = 'Z';
    buf_append(buf, text, (size_t)(end - text));
}

// What is left of the text that is being read. A take_ function that fails leaves it anywhere.
struct cursor {
    const char *at;
    const char *end;
};

static bool take_char(struct cursor *cursor, const char *choices)
{
    if (cursor->at == cursor->end || *cursor->at == '\0' || strchr(choices, *cursor->at) == NULL)
        return false;
    cursor->at++;
    return true;
}

// Exactly count digits, with min <= value <= max.
static bool take_digits(struct cursor *cursor, int count, int min, int max, int *ret_value)
{
    if (cursor->end - cursor->at < count)
        return false;
    int value = 0;
    for (int i = 0; i < count; i++, cursor->at++) {
        if (*cursor->at < '0' || *cursor->at > '9')
            return false;
        value = value * 10 + (*cursor->at - '0');
    }
    *ret_value = value;
    return value >= min && value <= max;
}

static bool take_date(struct cursor *cursor, struct civil *civil)
{
    return take_digits(cursor, 4, 0, 9999, &civil->year) && take_char(cursor, "-") &&
           take_digits(cursor, 2, 1, 12, &civil->month) && take_char(cursor, "-") &&
           take_digits(cursor, 2, 1, days_in_month(civil->year, civil->month), &civil->day);
}

static bool take_time_of_day(struct cursor *cursor, struct civil *civil)
{
    int hour, minute, second;
    if (!take_digits(cursor, 2, 0, 23, &hour) || !take_char(cursor, ":") ||
        !take_digits(cursor, 2, 0, 59, &minute) || !take_char(cursor, ":") ||
        !take_digits(cursor, 2, 0, 59, &second))
        return false;
    civil->second_of_day = hour * 3600 + minute * 60 + second;
    return true;
}

static bool take_fraction(struct cursor *cursor, struct civil *civil)
{
    civil->us = 0;
    if (!take_char(cursor, "."))
        return true;
    int unit = 100000;
    int count = 0;
    int digit;
    while (count < 9 && take_digits(cursor, 1, 0, 9, &digit)) {
        civil->us += digit * unit;
        unit /= 10;
        count++;
    }
    return count > 0;
}

static bool take_offset(struct cursor *cursor, int *ret_offset_s)
{
    *ret_offset_s = 0;
    if (take_char(cursor, "Zz"))
        return true;
    bool west = cursor->at != cursor->end && *cursor->at == '-';
    int hours, minutes;
    if (!take_char(cursor, "+-") || !take_digits(cursor, 2, 0, 23, &hours) ||
        !take_char(cursor, ":") || !take_digits(cursor, 2, 0, 59, &minutes))
        return false;
    int offset_s = hours * 3600 + minutes * 60;
    *ret_offset_s = west ? -offset_s : offset_s;
    return true;
}

enum err time_parse(struct str s, int64_t *ret_time_us)
{
    if (s.len == 0)
        return ERR_INVALID;
    struct cursor cursor = {.at = s.ptr, .end = s.ptr + s.len};
    struct civil civil = {0};
    int offset_s = 0;
    if (!take_date(&cursor, &civil))
        return ERR_INVALID;
    if (cursor.at != cursor.end &&
        (!take_char(&cursor, "Tt ") || !take_time_of_day(&cursor, &civil) ||
         !take_fraction(&cursor, &civil) || !take_offset(&cursor, &offset_s)))
        return ERR_INVALID;
    if (cursor.at != cursor.end)
        return ERR_INVALID;
    int64_t time_us = us_from_civil(&civil) - offset_s * US_PER_S;
    if (time_us < TIME_MIN_US || time_us > TIME_MAX_US)
        return ERR_INVALID;
    *ret_time_us = time_us;
    return ERR_OK;
}

// Three letters a name. 1970-01-01 was a Thursday.
static const char day_names[] = "ThuFriSatSunMonTueWed";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static const char *day_name(int64_t days)
{
    return day_names + 3 * (days - 7 * floor_div(days, 7));
}

static char *put_name(char *to, const char *name)
{
    memcpy(to, name, 3);
    return to + 3;
}

void time_append_http(struct buf *buf, int64_t time_us)
{
    struct civil civil;
    int64_t days = civil_from_us(time_us, &civil);
    char text[TIME_TEXT_MAX];
    char *end = put_name(text, day_name(days));
    *end++ = ',';
    *end++ = ' ';
    end = put_digits(end, civil.day, 2);
    *end++ = ' ';
    end = put_name(end, month_names + 3 * (civil.month - 1));
    *end++ = ' ';
    end = put_digits(end, civil.year, 4);
    *end++ = ' ';
    end = put_time_of_day(end, civil.second_of_day);
    end = put_name(end, " GM");
    *end++ = 'T';
    buf_append(buf, text, (size_t)(end - text));
}

static bool take_name(struct cursor *cursor, const char *name)
{
    size_t len = strlen(name);
    if ((size_t)(cursor->end - cursor->at) < len || memcmp(cursor->at, name, len) != 0)
        return false;
    cursor->at += len;
    return true;
}

static bool take_month(struct cursor *cursor, int *ret_month)
{
    for (int month = 1; month <= 12; month++) {
        char name[4] = {0};
        put_name(name, month_names + 3 * (month - 1));
        if (take_name(cursor, name)) {
            *ret_month = month;
            return true;
        }
    }
    return false;
}

enum err time_parse_http(struct str s, int64_t *ret_time_us)
{
    if (s.len != sizeof("Thu, 01 Jan 1970 00:00:00 GMT") - 1)
        return ERR_INVALID;
    struct cursor cursor = {.at = s.ptr + 3, .end = s.ptr + s.len};
    struct civil civil = {0};
    if (!take_name(&cursor, ", ") || !take_digits(&cursor, 2, 1, 31, &civil.day) ||
        !take_name(&cursor, " ") || !take_month(&cursor, &civil.month) ||
        !take_name(&cursor, " ") || !take_digits(&cursor, 4, 0, 9999, &civil.year) ||
        !take_name(&cursor, " ") || !take_time_of_day(&cursor, &civil) ||
        !take_name(&cursor, " GMT"))
        return ERR_INVALID;
    int64_t days = days_from_civil(civil.year, civil.month, civil.day);
    if (civil.day > days_in_month(civil.year, civil.month) || memcmp(s.ptr, day_name(days), 3) != 0)
        return ERR_INVALID;
    *ret_time_us = us_from_civil(&civil);
    return ERR_OK;
}
