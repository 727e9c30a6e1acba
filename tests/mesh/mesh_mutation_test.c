// Converts 10,000 damaged models: each is refused with a reason or becomes a model, in bounded time
// and memory.
#include <sys/resource.h>

#include "mesh/convert_fixture.h"

#define ROUNDS    10000
#define BYTES_MAX 4096
// One in so many has its poster drawn too, which takes most of the time.
#define POSTER_EVERY 200
#define ROUND_US_MAX 5000000
// AddressSanitizer keeps what was freed for a while.
#ifdef __SANITIZE_ADDRESS__
#define GROWN_KB_MAX (1024 * 1024)
#else
#define GROWN_KB_MAX (64 * 1024)
#endif

static uint64_t seed = 20240601;

static uint32_t chance(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(seed >> 33) % below;
}

// A few bytes changed, a piece doubled, taken out, or the end cut off.
static struct str damage(struct str bytes, char into[static BYTES_MAX])
{
    size_t len = bytes.len;
    memcpy(into, bytes.ptr, len);
    for (uint32_t n = 1 + chance(4); n > 0 && len > 1; n--) {
        size_t at = chance((uint32_t)len), piece = 1 + chance(12);
        if (piece > len - at)
            piece = len - at;
        switch (chance(5)) {
        case 0:
            into[at] = (char)chance(256);
            break;
        case 1:
            into[at] = "0123456789-./ \n\\#e"[chance(18)];
            break;
        case 2:
            memmove(into + at, into + at + piece, len - at - piece);
            len -= piece;
            break;
        case 3:
            if (len + piece <= BYTES_MAX) {
                memmove(into + at + piece, into + at, len - at);
                len += piece;
            }
            break;
        default:
            if (chance(8) == 0)
                len = at + 1;
            break;
        }
    }
    return (struct str){.ptr = into, .len = len};
}

static const char *const ply_head =
    "ply\nformat binary_little_endian 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
    "property float z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\n"
    "element face 1\nproperty list uchar int vertex_indices\nend_header\n";
static const char *const ply_ascii =
    "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\n"
    "property float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    "0 0 0\n1 0 0\n1 1 0\n0 1 0.5\n4 0 1 2 3\n";

static struct str make_ply(struct arena *arena)
{
    struct buf buf;
    buf_init_arena(&buf, arena, BYTES_MAX);
    buf_append_str(&buf, str_of(ply_head));
    for (int i = 0; i < 3; i++) {
        float place[3] = {(float)(i == 1), (float)(i == 2), 0};
        buf_append(&buf, place, sizeof(place));
        buf_append(&buf, "abc", 3);
    }
    buf_append(&buf, "\x03\0\0\0\0\x01\0\0\0\x02\0\0\0", 13);
    return buf_str(&buf);
}

// The largest resident set until now.
static long peak_kb(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

static void test_damaged(void **state)
{
    (void)state;
    struct convert_fixture f;
    fixture_start(&f);
    const struct fixture_file sets[][3] = {
        {{STR("scene.obj"), STR(FIXTURE_OBJ)},
         {STR("scene.mtl"), STR(FIXTURE_MTL)},
         {STR("scene.jpg"), fixture_jpeg(f.arena, 24, 16)}},
        {{STR("scene.obj"), STR(FIXTURE_OBJ)},
         {STR("scene.mtl"), STR(FIXTURE_MTL)},
         {STR("scene.jpg"), fixture_jpeg(f.arena, 60, 90)}},
        {{STR("scene.ply"), make_ply(f.arena)}},
        {{STR("scene.ply"), str_of(ply_ascii)}},
    };
    const struct mesh_product products[] = {
        {STR("a"), MESH_PRODUCT_GLB, SIZE_MAX, 64, true},
        {STR("b"), MESH_PRODUCT_USDZ, 4, 16, false},
        {STR("c"), MESH_PRODUCT_GLB, 2, 8, false},
        {STR("d"), MESH_PRODUCT_POSTER, 2, 8, false},
    };
    struct mesh_convert_options options = fixture_options();
    options.products = products;
    size_t good = 0;
    long before_kb = peak_kb();
    for (int round = 0; round < ROUNDS; round++) {
        CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
        const struct fixture_file *set = sets[chance(COUNT_OF(sets))];
        struct convert_fixture one = {.arena = arena, .puts_until_full = SIZE_MAX};
        char damaged[BYTES_MAX];
        size_t files = set[1].name.ptr == NULL ? 1 : 3, hit = chance((uint32_t)files);
        for (size_t i = 0; i < files; i++) {
            one.in[i] = set[i];
            if (i == hit)
                one.in[i].bytes = damage(set[i].bytes, damaged);
        }
        one.in_count = files;
        options.product_count = COUNT_OF(products) - (round % POSTER_EVERY != 0);
        int64_t start_us = clock_monotonic_us(options.clock);
        enum err code = fixture_convert(&one, &options);
        assert_true(clock_monotonic_us(options.clock) - start_us < ROUND_US_MAX);
        if (code == ERR_OK)
            good++;
        else
            assert_true((code == ERR_CORRUPT || code == ERR_TOO_LARGE) &&
                        one.err.message[0] != '\0');
    }
    assert_true(peak_kb() - before_kb < GROWN_KB_MAX);
    // Both must happen, or the damage was not the right one.
    assert_in_range(good, ROUNDS / 10, ROUNDS * 9 / 10);
    arena_close(f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
