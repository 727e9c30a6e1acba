// Checks that a file is a JPEG by walking its markers.
#include "files/file_check_kinds.h"

#include <stdint.h>

enum jpeg_marker {
    JPEG_TEM = 0x01,
    JPEG_SOF_FIRST = 0xC0,
    JPEG_DHT = 0xC4, // C4, C8 and CC lie among the frame headers and are none
    JPEG_JPG = 0xC8,
    JPEG_DAC = 0xCC,
    JPEG_SOF_LAST = 0xCF,
    JPEG_RST_FIRST = 0xD0,
    JPEG_RST_LAST = 0xD7,
    JPEG_SOI = 0xD8,
    JPEG_EOI = 0xD9,
    JPEG_SOS = 0xDA,
};

#define FRAME_FIXED_BYTES     6 // precision, height, width, number of components
#define FRAME_COMPONENT_BYTES 3

struct jpeg {
    struct str content;
    size_t at;
    bool has_frame;
    bool has_scan;
};

static unsigned byte_at(const struct jpeg *jpeg, size_t at)
{
    return (unsigned char)jpeg->content.ptr[at];
}

static unsigned u16_at(const struct jpeg *jpeg, size_t at)
{
    return byte_at(jpeg, at) << 8 | byte_at(jpeg, at + 1);
}

static enum err cut_short(struct error *err)
{
    return error_set(err, ERR_CORRUPT, "the JPEG ends too early");
}

static bool is_frame(unsigned marker)
{
    return marker >= JPEG_SOF_FIRST && marker <= JPEG_SOF_LAST && marker != JPEG_DHT &&
           marker != JPEG_JPG && marker != JPEG_DAC;
}

static bool is_restart(unsigned marker)
{
    return marker >= JPEG_RST_FIRST && marker <= JPEG_RST_LAST;
}

// Any number of FF bytes may stand before a marker.
static enum err next_marker(struct jpeg *jpeg, unsigned *ret_marker, struct error *err)
{
    size_t start = jpeg->at;
    while (jpeg->at < jpeg->content.len && byte_at(jpeg, jpeg->at) == 0xFF)
        jpeg->at++;
    if (jpeg->at == jpeg->content.len)
        return cut_short(err);
    if (jpeg->at == start)
        return error_set(err, ERR_CORRUPT, "the JPEG has no marker at byte %zu", start);
    *ret_marker = byte_at(jpeg, jpeg->at++);
    return ERR_OK;
}

static enum err check_frame(struct jpeg *jpeg, size_t at, size_t len, struct error *err)
{
    if (len < FRAME_FIXED_BYTES)
        return error_set(err, ERR_CORRUPT, "the JPEG's frame header is too short");
    unsigned height = u16_at(jpeg, at + 1);
    unsigned width = u16_at(jpeg, at + 3);
    unsigned components = byte_at(jpeg, at + 5);
    if (height == 0 || width == 0 || components == 0)
        return error_set(err, ERR_CORRUPT, "the JPEG has no size: %u x %u, %u components", width,
                         height, components);
    if (len < FRAME_FIXED_BYTES + (size_t)components * FRAME_COMPONENT_BYTES)
        return error_set(err, ERR_CORRUPT, "the JPEG's frame header is too short");
    jpeg->has_frame = true;
    return ERR_OK;
}

// Moves behind the coded data of a scan, to the marker that follows.
static void skip_scan(struct jpeg *jpeg)
{
    for (;;) {
        jpeg->at = str_find(jpeg->content, (char)0xFF, jpeg->at);
        if (jpeg->at + 1 >= jpeg->content.len) {
            jpeg->at = jpeg->content.len;
            return;
        }
        unsigned next = byte_at(jpeg, jpeg->at + 1);
        if (next == 0xFF) {
            jpeg->at++;
        } else if (next == 0 || is_restart(next)) {
            jpeg->at += 2;
        } else {
            return;
        }
    }
}

static enum err check_segment(struct jpeg *jpeg, unsigned marker, struct error *err)
{
    if (marker == JPEG_TEM || is_restart(marker))
        return ERR_OK;
    if (marker == 0 || marker == JPEG_SOI)
        return error_set(err, ERR_CORRUPT, "the JPEG has marker %02X at byte %zu", marker,
                         jpeg->at - 1);
    size_t left = jpeg->content.len - jpeg->at;
    size_t len = left < 2 ? 0 : u16_at(jpeg, jpeg->at);
    if (left < 2 || len > left)
        return cut_short(err);
    if (len < 2)
        return error_set(err, ERR_CORRUPT, "the JPEG has a segment of length %zu", len);
    if (is_frame(marker))
        TRY(check_frame(jpeg, jpeg->at + 2, len - 2, err));
    jpeg->at += len;
    if (marker != JPEG_SOS)
        return ERR_OK;
    if (!jpeg->has_frame)
        return error_set(err, ERR_CORRUPT, "the JPEG has a scan before its frame header");
    jpeg->has_scan = true;
    skip_scan(jpeg);
    return ERR_OK;
}

// Some cameras and servers fill the last block with zeros.
static enum err check_rest(const struct jpeg *jpeg, struct error *err)
{
    for (size_t at = jpeg->at; at < jpeg->content.len; at++) {
        if (byte_at(jpeg, at) != 0)
            return error_set(err, ERR_CORRUPT, "something follows the JPEG's end, at byte %zu", at);
    }
    return ERR_OK;
}

enum err file_check_jpg(struct str content, struct error *err)
{
    struct jpeg jpeg = {.content = content};
    if (content.len < 2 || u16_at(&jpeg, 0) != (0xFF00 | JPEG_SOI))
        return error_set(err, ERR_CORRUPT, "the file does not begin as a JPEG does");
    jpeg.at = 2;
    unsigned marker = 0;
    for (;;) {
        TRY(next_marker(&jpeg, &marker, err));
        if (marker == JPEG_EOI)
            break;
        TRY(check_segment(&jpeg, marker, err));
    }
    if (!jpeg.has_scan)
        return error_set(err, ERR_CORRUPT, "the JPEG has no picture");
    return check_rest(&jpeg, err);
}
