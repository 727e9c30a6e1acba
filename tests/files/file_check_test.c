// Tests of files/file_check.c and the checks behind it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "files/file_check.h"
#include "mesh/mesh_write.h"

// want is part of the error's message; NULL: the file passes.
struct check_case {
    const char *what;
    struct str content;
    const char *want;
};

#define CASE(what, content, want)                                                                  \
    {                                                                                              \
        (what), STR_INIT(content), (want)                                                          \
    }

// A copy of exact length, so that AddressSanitizer sees a read beyond it.
static enum err check_copy(enum model_file_kind kind, struct str content, struct error *err)
{
    char *copy = malloc(content.len > 0 ? content.len : 1);
    assert_non_null(copy);
    if (content.len > 0)
        memcpy(copy, content.ptr, content.len);
    enum err code = file_check(kind, (struct str){.ptr = copy, .len = content.len}, err);
    free(copy);
    return code;
}

static void run_cases(enum model_file_kind kind, const struct check_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct error err;
        error_reset(&err);
        enum err code = check_copy(kind, cases[i].content, &err);
        bool right = cases[i].want == NULL
                         ? code == ERR_OK
                         : code == ERR_CORRUPT && strstr(err.message, cases[i].want) != NULL;
        if (!right)
            fail_msg("%s: got %s \"%s\", want \"%s\"", cases[i].what, err_name(code), err.message,
                     cases[i].want == NULL ? "ok" : cases[i].want);
        assert_int_equal(file_check(kind, cases[i].content, NULL), code);
    }
}

// The parts of a JPEG of 16 x 8 grey pixels, but for the coded data, which nobody looks at.
#define SOI  "\xFF\xD8"
#define APP0 "\xFF\xE0\x00\x10JFIF\0\x01\x02\0\0\x01\0\x01\0\0"
#define SOF0 "\xFF\xC0\x00\x0B\x08\0\x08\0\x10\x01\x01\x11\0"
#define SOS  "\xFF\xDA\x00\x08\x01\x01\0\0\x3F\0"
#define DATA "\x12\x34\xFF\0\x56\xFF\xD0\x78"
#define EOI  "\xFF\xD9"
#define HEAD SOI APP0 SOF0

static const struct check_case jpg_cases[] = {
    CASE("baseline", HEAD SOS DATA EOI, NULL),
    CASE("zeros behind it", HEAD SOS DATA EOI "\0\0\0\0", NULL),
    CASE("fill bytes before markers", SOI "\xFF\xFF" SOF0 "\xFF" SOS DATA "\xFF\xFF" EOI, NULL),
    CASE("several scans with tables between", HEAD SOS DATA "\xFF\xC4\0\x03x" SOS DATA EOI, NULL),
    CASE("progressive frame", SOI "\xFF\xC2\x00\x0B\x08\0\x08\0\x10\x01\x01\x11\0" SOS DATA EOI,
         NULL),
    CASE("scan without data", HEAD SOS EOI, NULL),
    CASE("a stray TEM marker", HEAD "\xFF\x01" SOS DATA EOI, NULL),
    CASE("a whole JPEG as a segment's content", SOI "\xFF\xE1\0\x06" SOI EOI SOF0 SOS EOI, NULL),

    CASE("empty", "", "empty"),
    CASE("one byte", "\xFF", "does not begin"),
    CASE("web page", "<!DOCTYPE html><title>503</title>", "does not begin"),
    CASE("json", "{\"error\":\"no\"}", "does not begin"),
    CASE("only SOI", SOI, "ends too early"),
    CASE("SOI and EOI", SOI EOI, "no picture"),
    CASE("no scan", HEAD EOI, "no picture"),
    CASE("no end", HEAD SOS DATA, "ends too early"),
    CASE("ends in FF", HEAD SOS DATA "\xFF", "ends too early"),
    CASE("scan before the frame", SOI SOS DATA EOI, "scan before"),
    CASE("DHT, JPG and DAC are no frames",
         SOI "\xFF\xC4\0\x03x\xFF\xC8\0\x03x\xFF\xCC\0\x03x" SOS DATA EOI, "scan before"),
    CASE("height 0", SOI "\xFF\xC0\x00\x0B\x08\0\0\0\x10\x01\x01\x11\0" SOS EOI, "no size: 16 x 0"),
    CASE("width 0", SOI "\xFF\xC0\x00\x0B\x08\0\x08\0\0\x01\x01\x11\0" SOS EOI, "no size: 0 x 8"),
    CASE("no components", SOI "\xFF\xC0\x00\x08\x08\0\x08\0\x10\0" SOS EOI, "no size"),
    CASE("frame without its components", SOI "\xFF\xC0\x00\x0A\x08\0\x08\0\x10\x01\x01\x11" SOS EOI,
         "too short"),
    CASE("frame of nothing", SOI "\xFF\xC0\x00\x02" SOS EOI, "too short"),
    CASE("segment of length 1", SOI "\xFF\xE0\x00\x01" SOF0 SOS EOI, "length 1"),
    CASE("segment of length 0", SOI "\xFF\xE0\x00\x00" SOF0 SOS EOI, "length 0"),
    CASE("segment longer than the file", HEAD "\xFF\xE0\xFF\xFF" SOS EOI, "ends too early"),
    CASE("segment without its length", HEAD "\xFF\xE0\x00", "ends too early"),
    CASE("a second SOI", SOI HEAD SOS EOI, "marker D8"),
    CASE("marker 00", SOI "\xFF\x00" SOF0 SOS EOI, "marker 00"),
    CASE("no marker where one is due", SOI "x" SOF0 SOS EOI, "no marker at byte 2"),
    CASE("text behind it", HEAD SOS DATA EOI "x", "follows"),
    CASE("text behind zeros", HEAD SOS DATA EOI "\0\0x\0", "follows"),
    CASE("a second picture behind it", HEAD SOS DATA EOI HEAD SOS DATA EOI, "follows"),
};

static void test_jpg(void **state)
{
    (void)state;
    run_cases(MODEL_FILE_JPG, jpg_cases, COUNT_OF(jpg_cases));
}

#define TRIANGLE "v 0 0 0\nv 1 0 0\nv 0 1 0\n"

static const struct check_case obj_cases[] = {
    CASE("triangle", TRIANGLE "f 1 2 3\n", NULL),
    CASE("no line break at the end", TRIANGLE "f 1 2 3", NULL),
    CASE("CRLF", "v 0 0 0\r\nv 1 0 0\r\nv 0 1 0\r\nf 1 2 3\r\n", NULL),
    CASE("byte order mark", "\xEF\xBB\xBF" TRIANGLE "f 1 2 3\n", NULL),
    CASE("tabs and blanks", "\tv\t0  0 \t0 \n v 1 0 0\n\n\nv 0 1 0\nf  1\t2 3  \n", NULL),
    CASE("comments", "# f 9 9 9\n" TRIANGLE "f 1 2 3 # f 9 9 9\n  # end", NULL),
    CASE("unknown keywords", "mtllib a.mtl\no house\ng \ncurv2 x\n" TRIANGLE "s off\nf 1 2 3\n",
         NULL),
    CASE("names that are not UTF-8", "o \xE4\xF6\n" TRIANGLE "f 1 2 3\n", NULL),
    CASE("negative indices", TRIANGLE "f -3 -2 -1\n", NULL),
    CASE("quad and hexagon", TRIANGLE "f 1 2 3 1\nf 1 2 3 1 2 3\n", NULL),
    CASE("faces before their vertices", "f 1 2 3\n" TRIANGLE, NULL),
    CASE("texture and normal", TRIANGLE "vt 0 0\nvn 0 0 1\nf 1/1/1 2/1/1 3/1/1\n", NULL),
    CASE("texture only", TRIANGLE "vt 0 0\nf 1/1 2/1 3/1\n", NULL),
    CASE("normal only", TRIANGLE "vn 0 0 1\nf 1//1 2//1 3//-1\n", NULL),
    CASE("vertex weights and colours", "v 0 0 0 1\nv 1 0 0 1 0.5 0.5\nv 0 1 0\nf 1 2 3\n", NULL),
    CASE("ways to write a number", "v +1 .5 1.\nv -0.0 -.5 1e3\nv 1E-3 +.5e+2 007.50\nf 1 2 3\n",
         NULL),
    CASE("huge coordinates", "v -2706174.25 -4261059.5 3885725.125\nv 1e300 0 0\nv 0 0 0\nf 1 2 3",
         NULL),
    CASE("joined lines", "v 0 \\\n0 0\nv 1 0 \\\r\n0\r\nv 0 1 0\nf 1 2 \\\n3\n", NULL),
    CASE("a comment is not joined", "# C:\\models\\\n" TRIANGLE "f 1 2 3\n", NULL),
    CASE("ends in a backslash", TRIANGLE "f 1 2 3\no a\\\n", NULL),

    CASE("empty", "", "empty"),
    CASE("one blank", " ", "no vertices"),
    CASE("web page", "<html>\n<body>\nvertices and faces\n</body>\n</html>\n", "no vertices"),
    CASE("json", "{\"error\":\"not found\",\n\"f\":\"v\"}", "no vertices"),
    CASE("xml", "<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "no vertices"),
    CASE("no faces", TRIANGLE, "no faces"),
    CASE("no vertices", "f 1 2 3\n", "no vertices"),
    CASE("keywords in capitals", "V 0 0 0\nF 1 1 1\n", "no vertices"),
    CASE("NUL", TRIANGLE "f 1 2 3\n\0", "not text"),
    CASE("two coordinates", "v 0 0\n", "line 1: the vertex"),
    CASE("no coordinates", "\nv\n", "line 2: the vertex"),
    CASE("nan", "v 0 nan 0\n", "line 1: the vertex"),
    CASE("inf", "v 0 0 inf\n", "line 1: the vertex"),
    CASE("too large for a double", "v 0 0 1e999\n", "line 1: the vertex"),
    CASE("hexadecimal", "v 0 0 0x10\n", "line 1: the vertex"),
    CASE("comma", "v 0,5 0 0\n", "line 1: the vertex"),
    CASE("only a sign", "v 0 - 0\n", "line 1: the vertex"),
    CASE("two signs", "v 0 +-1 0\n", "line 1: the vertex"),
    CASE("only a point", "v 0 . 0\n", "line 1: the vertex"),
    CASE("only an exponent", "v 0 .e5 0\n", "line 1: the vertex"),
    CASE("unit behind the number", "v 0 1.m 0\n", "line 1: the vertex"),
    CASE("a comment instead of a number", "v 0 0 # 0\n", "line 1: the vertex"),
    CASE("two corners", TRIANGLE "f 1 2\n", "line 4: the face has fewer"),
    CASE("no corners", TRIANGLE "f\n", "line 4: the face has fewer"),
    CASE("commented corner", TRIANGLE "f 1 2 #3\n", "line 4: the face has fewer"),
    CASE("vertex that is not there", TRIANGLE "f 1 2 4\nf 1 2 3\n",
         "line 4: there is no v 4, only 3"),
    CASE("vertex 0", TRIANGLE "f 0 1 2\n", "line 4: there is no v 0"),
    CASE("negative index too far", TRIANGLE "f -4 -1 -2\n", "line 4: there is no v -4"),
    CASE("negative index before its vertex", "v 0 0 0\nf -1 -2 -3\n" TRIANGLE,
         "line 2: there is no v -2"),
    CASE("texture that is not there", TRIANGLE "vt 0 0\nf 1/1 2/2 3/1\n",
         "line 5: there is no vt 2, only 1"),
    CASE("normal that is not there", TRIANGLE "f 1//1 2//1 3//1\n", "line 4: there is no vn 1"),
    CASE("corner of four", TRIANGLE "vt 0 0\nvn 0 0 1\nf 1/1/1/1 2/1/1 3/1/1\n", "four numbers"),
    CASE("corner without a vertex", TRIANGLE "vt 0 0\nf /1 2/1 3/1\n", "without a number"),
    CASE("corner that is a word", TRIANGLE "f one 2 3\n", "without a number"),
    CASE("corner with a fraction", TRIANGLE "f 1.0 2 3\n", "without a number"),
    CASE("index beyond 64 bits", TRIANGLE "f 1 2 9223372036854775808\n", "without a number"),
    CASE("largest index", TRIANGLE "f 1 2 9223372036854775807\n",
         "there is no v 9223372036854775807"),
    CASE("smallest index", TRIANGLE "f 1 2 -9223372036854775807\n",
         "there is no v -9223372036854775807"),
    CASE("line numbers count joined lines", "o a\\\nb\\\nc\nv 0 0\n", "line 4: the vertex"),
};

static void test_obj(void **state)
{
    (void)state;
    run_cases(MODEL_FILE_OBJ, obj_cases, COUNT_OF(obj_cases));
}

static const struct check_case mtl_cases[] = {
    CASE("one material", "newmtl roof\nKd 1 1 1\n", NULL),
    CASE("CRLF, comment, byte order mark", "\xEF\xBB\xBF# made by hand\r\nnewmtl a b\r\n", NULL),
    CASE("indented, later", "Ka 0 0 0\n\n \tnewmtl\tx", NULL),

    CASE("empty", "", "empty"),
    CASE("no material", "Kd 1 1 1\n", "no material"),
    CASE("only in a comment", "# newmtl roof\n", "no material"),
    CASE("without a name", "newmtl\n", "no material"),
    CASE("part of a word", "newmtls roof\nxnewmtl roof\n", "no material"),
    CASE("in capitals", "NEWMTL roof\n", "no material"),
    CASE("web page", "<html><body>newmtl roof</body></html>", "no material"),
    CASE("json", "{\"error\": \"newmtl\"}", "no material"),
    CASE("NUL", "newmtl roof\n\0", "not text"),
};

static void test_mtl(void **state)
{
    (void)state;
    run_cases(MODEL_FILE_MTL, mtl_cases, COUNT_OF(mtl_cases));
}

#define ASCII    "ply\nformat ascii 1.0\n"
#define LITTLE   "ply\nformat binary_little_endian 1.0\n"
#define BIG      "ply\nformat binary_big_endian 1.0\n"
#define XYZ      "property float x\nproperty float y\nproperty float z\n"
#define FACES(n) "element face " #n "\nproperty list uchar int vertex_indices\nend_header\n"
#define V12      "0123456789ab"

static const struct check_case ply_ascii_cases[] = {
    CASE("a triangle", ASCII "element vertex 3\n" XYZ FACES(1) "0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n",
         NULL),
    CASE("CRLF",
         "ply\r\nformat ascii 1.0\r\nelement vertex 1\r\n"
         "property float x\r\nend_header\r\n1\r\n",
         NULL),
    CASE("comments, obj_info, unknown elements",
         ASCII "comment TextureFile scene.jpg\nobj_info\nelement vertex 1\nproperty float32 x\n"
               "comment\nelement camera 1\nproperty double f\nend_header\n.5\n1e9",
         NULL),
    CASE("more lines than announced", ASCII "element vertex 1\n" XYZ "end_header\n0 0 0\n0 0 0\n",
         NULL),
    CASE("more numbers than announced", ASCII "element vertex 1\n" XYZ "end_header\n0 0 0 1\n",
         NULL),
    CASE("empty lines between", ASCII "element vertex 2\n" XYZ "end_header\n\n0 0 0\n \n0 0 0\n",
         NULL),
    CASE("an element without entries", ASCII "element vertex 1\n" XYZ FACES(0) "0 0 0\n", NULL),
    CASE("an element without properties",
         ASCII "element nothing 9223372036854775807\nelement vertex 1\n" XYZ "end_header\n0 0 0\n",
         NULL),
    CASE("an empty list", ASCII "element vertex 1\n" XYZ FACES(1) "0 0 0\n0\n", NULL),

    CASE("empty", "", "empty"),
    CASE("web page", "<html>ply</html>", "does not begin"),
    CASE("other word", "plywood\n", "does not begin"),
    CASE("more on the first line", "ply 1\nformat ascii 1.0\n", "does not begin"),
    CASE("only the first line", "ply\n", "no end"),
    CASE("no end_header", ASCII "element vertex 1\n" XYZ, "no end"),
    CASE("no format", "ply\nelement vertex 1\n" XYZ "end_header\n0 0 0\n", "names no format"),
    CASE("unknown format", "ply\nformat binary 1.0\n", "line 2"),
    CASE("nameless format", "ply\nformat\n", "line 2"),
    CASE("two formats", ASCII "format ascii 1.0\n", "line 3"),
    CASE("no vertex element", ASCII FACES(0), "no vertices"),
    CASE("0 vertices", ASCII "element vertex 0\n" XYZ "end_header\n", "no vertices"),
    CASE("unknown keyword", ASCII "elements vertex 1\n", "line 3"),
    CASE("an empty line in the header", ASCII "\nelement vertex 1\n", "line 3"),
    CASE("count is no number", ASCII "element vertex many\n", "line 3"),
    CASE("count is negative", ASCII "element vertex -1\n", "line 3"),
    CASE("count is missing", ASCII "element vertex\n", "line 3"),
    CASE("count beyond 64 bits", ASCII "element vertex 9223372036854775808\n", "line 3"),
    CASE("property before an element", ASCII "property float x\n", "line 3"),
    CASE("unknown type", ASCII "element vertex 1\nproperty float128 x\n", "line 4"),
    CASE("property without a name", ASCII "element vertex 1\nproperty float\n", "line 4"),
    CASE("list of unknown length type", ASCII "element vertex 1\nproperty list long int i\n",
         "line 4"),
    CASE("list with a length of float", ASCII "element vertex 1\nproperty list float int i\n",
         "line 4"),
    CASE("list without a name", ASCII "element vertex 1\nproperty list uchar int\n", "line 4"),
    CASE("list of lists", ASCII "element vertex 1\nproperty list uchar list i\n", "line 4"),
    CASE("no body", ASCII "element vertex 1\n" XYZ "end_header\n",
         "ends too early: its element 1 of 1 should have 1"),
    CASE("a line too few", ASCII "element vertex 2\n" XYZ "end_header\n0 0 0\n", "should have 2"),
    CASE("a face too few", ASCII "element vertex 1\n" XYZ FACES(2) "0 0 0\n3 0 0 0\n",
         "element 2 of 2 should have 2"),
    CASE("a number too few", ASCII "element vertex 1\n" XYZ "end_header\n0 0\n", "line 8"),
    CASE("a word for a number", ASCII "element vertex 1\n" XYZ "end_header\n0 x 0\n", "line 8"),
    CASE("a list cut short", ASCII "element vertex 1\n" XYZ FACES(1) "0 0 0\n3 0 0\n", "line 11"),
    CASE("a list of negative length", ASCII "element vertex 1\n" XYZ FACES(1) "0 0 0\n-1\n",
         "line 11"),
    CASE("a list of huge length", ASCII "element vertex 1\n" XYZ FACES(1) "0 0 0\n4294967295 0\n",
         "line 11"),
    CASE("huge count", ASCII "element vertex 9223372036854775807\n" XYZ "end_header\n0 0 0\n",
         "ends too early"),
};

static const struct check_case ply_binary_cases[] = {
    CASE("little endian", LITTLE "element vertex 1\n" XYZ FACES(1) V12 "\x03" V12, NULL),
    CASE("big endian", BIG "element vertex 1\n" XYZ FACES(1) V12 "\x03" V12, NULL),
    CASE("CRLF",
         "ply\r\nformat binary_little_endian 1.0\r\nelement vertex 1\r\nproperty uchar "
         "x\r\nend_header\r\n\n",
         NULL),
    CASE("longer than announced", LITTLE "element vertex 1\n" XYZ "end_header\n" V12 "more", NULL),
    CASE("every type and its alias",
         LITTLE "element vertex 1\nproperty char a\nproperty int8 b\nproperty uchar c\n"
                "property uint8 d\nproperty short e\nproperty int16 f\nproperty ushort g\n"
                "property uint16 h\nproperty int i\nproperty int32 j\nproperty uint k\n"
                "property uint32 l\nproperty float m\nproperty float32 n\nproperty double o\n"
                "property float64 p\nend_header\n" V12 V12 V12 V12 "4",
         "ends too early"),
    CASE("the same with all bytes",
         LITTLE "element vertex 1\nproperty char a\nproperty int8 b\nproperty uchar c\n"
                "property uint8 d\nproperty short e\nproperty int16 f\nproperty ushort g\n"
                "property uint16 h\nproperty int i\nproperty int32 j\nproperty uint k\n"
                "property uint32 l\nproperty float m\nproperty float32 n\nproperty double o\n"
                "property float64 p\nend_header\n" V12 V12 V12 V12 "4567",
         NULL),
    CASE("list length of two bytes, little",
         LITTLE "element vertex 1\nproperty list ushort uchar a\nend_header\n\x02\x00xx", NULL),
    CASE("list length of two bytes, big",
         BIG "element vertex 1\nproperty list ushort uchar a\nend_header\n\x00\x02xx", NULL),
    CASE("list length in the other order",
         LITTLE "element vertex 1\nproperty list ushort uchar a\nend_header\n\x00\x02xx",
         "ends too early"),
    CASE("list length of four bytes, big",
         BIG "element vertex 1\nproperty list int uchar a\nend_header\n\0\0\0\x01x", NULL),
    CASE("scalars around a list",
         LITTLE "element vertex 2\nproperty short a\nproperty list uchar short b\nproperty uchar "
                "c\nend_header\n12\x01"
                "34"
                "5"
                "67\x00"
                "8",
         NULL),
    CASE("an element without properties",
         LITTLE
         "element nothing 9223372036854775807\nelement vertex 1\nproperty uchar x\nend_header\nx",
         NULL),
    CASE("element without entries behind the body", LITTLE "element vertex 1\n" XYZ FACES(0) V12,
         NULL),

    CASE("no body", LITTLE "element vertex 1\n" XYZ "end_header\n", "ends too early"),
    CASE("header's line without its end", LITTLE "element vertex 1\n" XYZ "end_header",
         "ends too early"),
    CASE("a byte too few",
         LITTLE "element vertex 1\n" XYZ "end_header\n"
                "0123456789a",
         "ends too early"),
    CASE("a list cut short",
         LITTLE "element vertex 1\n" XYZ FACES(1) V12 "\x03"
                                                      "0123456789a",
         "element 2 of 2"),
    CASE("a list without its length", LITTLE "element vertex 1\n" XYZ FACES(1) V12,
         "element 2 of 2"),
    CASE("a length of -1",
         LITTLE "element vertex 1\nproperty list char uchar a\nend_header\n\xFF" V12,
         "ends too early"),
    CASE("a length of -2^31",
         BIG "element vertex 1\nproperty list int uchar a\nend_header\n\x80\0\0\0" V12,
         "ends too early"),
    CASE("a length of 2^32-1 doubles",
         LITTLE "element vertex 1\nproperty list uint double a\nend_header\n\xFF\xFF\xFF\xFF" V12,
         "ends too early"),
    CASE("count times size beyond 64 bits",
         LITTLE "element vertex 9223372036854775807\n" XYZ "end_header\n" V12, "ends too early"),
    CASE("huge count of lists",
         LITTLE
         "element vertex 9223372036854775807\nproperty list uchar uchar a\nend_header\n\0\0\0\0",
         "ends too early"),
};

static void test_ply(void **state)
{
    (void)state;
    run_cases(MODEL_FILE_PLY, ply_ascii_cases, COUNT_OF(ply_ascii_cases));
    run_cases(MODEL_FILE_PLY, ply_binary_cases, COUNT_OF(ply_binary_cases));
}

static enum err check_big_ply(unsigned elements, unsigned properties, struct error *err)
{
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, 1 << 20);
    BUF_LITERAL(&text, LITTLE);
    for (unsigned i = 0; i < elements; i++)
        buf_printf(&text, "element %s 1\n", i == 0 ? "vertex" : "other");
    for (unsigned i = 0; i < properties; i++)
        buf_printf(&text, "property uchar p%u\n", i);
    BUF_LITERAL(&text, "end_header\n");
    for (unsigned i = 0; i < properties; i++)
        buf_append_char(&text, 'x');
    return check_copy(MODEL_FILE_PLY, buf_str(&text), err);
}

static void test_ply_bounds(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(check_big_ply(16, 256, &err), ERR_OK);
    assert_int_equal(check_big_ply(17, 1, &err), ERR_CORRUPT);
    assert_string_equal(err.message, "the PLY has more than 16 kinds of elements");
    assert_int_equal(check_big_ply(1, 257, &err), ERR_CORRUPT);
    assert_string_equal(err.message, "the PLY has more than 256 properties");
}

// Numbers have a bound: 400 bytes as JSON writes them, 100 in the forms that C takes beyond.
static void test_number_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        size_t zeros;
        enum err want;
    } cases[] = {
        {"0.", 398, ERR_OK},      {"0.", 399, ERR_CORRUPT}, {"+0.", 97, ERR_OK},
        {"+0.", 98, ERR_CORRUPT}, {"-", 99, ERR_OK},        {"-", 100, ERR_CORRUPT},
        {".", 99, ERR_OK},        {".", 100, ERR_CORRUPT},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(buf_done) struct buf text;
        buf_init(&text, 4096);
        BUF_LITERAL(&text, "f 1 1 1\nv 0 0 ");
        buf_append_str(&text, str_of(cases[i].before));
        for (size_t k = 0; k < cases[i].zeros; k++)
            buf_append_char(&text, '0');
        assert_int_equal(check_copy(MODEL_FILE_OBJ, buf_str(&text), NULL), cases[i].want);
    }
}

static void make_mesh(struct mesh *mesh, struct arena *arena)
{
    mesh_init(mesh, arena);
    mesh_add_group(mesh, STR("roof"), STR("tiles"));
    for (unsigned i = 0; i < 50; i++) {
        struct mesh_vertex vertex = {.position = {(float)i, -0.5F * (float)i, 1234.5678F},
                                     .normal = {0, 0, 1},
                                     .uv = {0.25F, 1}};
        uint32_t at = mesh_add_vertex(mesh, &vertex);
        if (at >= 2)
            mesh_add_triangle(mesh, at - 2, at - 1, at);
    }
}

// Every beginning of a whole file must be seen as cut.
static void check_cut(enum model_file_kind kind, struct str whole)
{
    assert_int_equal(check_copy(kind, whole, NULL), ERR_OK);
    for (size_t len = 0; len < whole.len; len++)
        assert_int_equal(check_copy(kind, str_slice(whole, 0, len), NULL), ERR_CORRUPT);
}

// What our own writers (and libturbojpeg) make is accepted, and only whole.
static void test_written_files(void **state)
{
    (void)state;
    struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
    struct mesh mesh;
    make_mesh(&mesh, arena);
    struct buf file;
    buf_init_arena(&file, arena, 1 << 20);
    mesh_write_obj(&file, &mesh, STR("scene.mtl"));
    assert_int_equal(check_copy(MODEL_FILE_OBJ, buf_str(&file), NULL), ERR_OK);
    buf_reset(&file);
    mesh_write_ply(&file, &mesh, STR("scene.jpg"));
    check_cut(MODEL_FILE_PLY, buf_str(&file));
    buf_reset(&file);
    const struct mesh_material material = {.name = STR("tiles"), .texture = STR("scene.jpg")};
    mesh_write_mtl(&file, &material, 1);
    assert_int_equal(check_copy(MODEL_FILE_MTL, buf_str(&file), NULL), ERR_OK);
    buf_reset(&file);
    struct mesh_rgb *pixels = arena_new(arena, struct mesh_rgb, 64 * 48);
    for (size_t i = 0; i < 64 * 48; i++)
        pixels[i] = (struct mesh_rgb){(uint8_t)(i * 7), (uint8_t)(i * 31), (uint8_t)(i >> 3)};
    const struct mesh_image image = {.pixels = pixels, .width = 64, .height = 48};
    assert_int_equal(mesh_write_jpeg(&file, &image, 90, MESH_JPEG_HALF_COLOUR, NULL), ERR_OK);
    check_cut(MODEL_FILE_JPG, buf_str(&file));
}

// A file of one kind is none of the others.
static void test_kinds_differ(void **state)
{
    (void)state;
    static const struct str files[MODEL_FILE_ORIGINAL_MAX + 1] = {
        [MODEL_FILE_JPG] = STR_INIT(HEAD SOS DATA EOI),
        [MODEL_FILE_OBJ] = STR_INIT("mtllib scene.mtl\n" TRIANGLE "f 1 2 3\n"),
        [MODEL_FILE_PLY] = STR_INIT(ASCII "element vertex 1\n" XYZ "end_header\n0 0 0\n"),
        [MODEL_FILE_MTL] = STR_INIT("newmtl tiles\nKd 1 1 1\n"),
    };
    for (int is = MODEL_FILE_JPG; is <= MODEL_FILE_ORIGINAL_MAX; is++) {
        for (int as = MODEL_FILE_JPG; as <= MODEL_FILE_ORIGINAL_MAX; as++)
            assert_int_equal(check_copy((enum model_file_kind)as, files[is], NULL),
                             is == as ? ERR_OK : ERR_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jpg),           cmocka_unit_test(test_obj),
        cmocka_unit_test(test_mtl),           cmocka_unit_test(test_ply),
        cmocka_unit_test(test_ply_bounds),    cmocka_unit_test(test_number_bounds),
        cmocka_unit_test(test_written_files), cmocka_unit_test(test_kinds_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
