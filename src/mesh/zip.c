// Local headers, padding and the directory of zip archives (PKWARE's APPNOTE.TXT, 4.3).
#include "mesh/zip.h"

#include <endian.h>

#define LOCAL_BYTES     30
#define LOCAL_CRC_AT    14
#define LOCAL_SIGNATURE 0x04034B50
#define ENTRY_SIGNATURE 0x02014B50
#define END_SIGNATURE   0x06054B50
#define VERSION         10
// 1 January 1980: the same model is the same file at any time.
#define DOS_DATE 0x21
// What pads the header is an extra field of a kind that readers skip, with a header of 4 bytes.
#define PADDING_KIND   0x1986
#define PADDING_HEADER 4
#define CRC_POLYNOMIAL 0xEDB88320U

static void append_u16(struct buf *buf, size_t value)
{
    uint16_t little = htole16((uint16_t)value);
    buf_append(buf, &little, sizeof(little));
}

static void append_u32(struct buf *buf, size_t value)
{
    uint32_t little = htole32((uint32_t)value);
    buf_append(buf, &little, sizeof(little));
}

void zip_init(struct zip *zip, struct buf *buf, size_t max, struct arena *arena)
{
    check(buf->len == 0);
    *zip = (struct zip){.buf = buf, .max = max, .entries = arena_new(arena, struct zip_entry, max)};
    for (uint32_t i = 0; i < COUNT_OF(zip->crcs); i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ CRC_POLYNOMIAL : crc >> 1;
        zip->crcs[i] = crc;
    }
}

static uint32_t crc_of(const struct zip *zip, struct str bytes)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes.len; i++)
        crc = crc >> 8 ^ zip->crcs[(crc ^ (unsigned char)bytes.ptr[i]) & 0xFF];
    return ~crc;
}

// What both headers of an entry have in common, from the version that a reader needs on.
static void append_shared(struct buf *buf, const struct zip_entry *entry)
{
    append_u16(buf, VERSION);
    append_u16(buf, 0); // flags
    append_u16(buf, 0); // stored
    append_u16(buf, 0); // midnight
    append_u16(buf, DOS_DATE);
    append_u32(buf, entry->crc);
    append_u32(buf, entry->bytes);
    append_u32(buf, entry->bytes);
    append_u16(buf, entry->name.len);
}

void zip_begin(struct zip *zip, struct str name)
{
    check(zip->count < zip->max && name.len <= UINT16_MAX);
    struct buf *buf = zip->buf;
    struct zip_entry *entry = &zip->entries[zip->count++];
    *entry = (struct zip_entry){.name = name, .header = buf->len};
    size_t end = buf->len + LOCAL_BYTES + name.len + PADDING_HEADER;
    size_t padding = (ZIP_ALIGNMENT - end % ZIP_ALIGNMENT) % ZIP_ALIGNMENT;
    append_u32(buf, LOCAL_SIGNATURE);
    append_shared(buf, entry);
    append_u16(buf, PADDING_HEADER + padding);
    buf_append_str(buf, name);
    append_u16(buf, PADDING_KIND);
    append_u16(buf, padding);
    buf_append(buf, (const char[ZIP_ALIGNMENT]){0}, padding);
    entry->first_byte = buf->len;
}

void zip_end(struct zip *zip)
{
    check(zip->count > 0);
    struct buf *buf = zip->buf;
    struct zip_entry *entry = &zip->entries[zip->count - 1];
    if (buf->overflow)
        return;
    struct str bytes = str_slice(buf_str(buf), entry->first_byte, buf->len);
    entry->bytes = bytes.len;
    entry->crc = crc_of(zip, bytes);
    const uint32_t known[3] = {htole32(entry->crc), htole32((uint32_t)entry->bytes),
                               htole32((uint32_t)entry->bytes)};
    memcpy(buf->ptr + entry->header + LOCAL_CRC_AT, known, sizeof(known));
}

static void append_directory(struct zip *zip)
{
    struct buf *buf = zip->buf;
    size_t start = buf->len;
    for (size_t i = 0; i < zip->count; i++) {
        const struct zip_entry *entry = &zip->entries[i];
        append_u32(buf, ENTRY_SIGNATURE);
        append_u16(buf, VERSION);
        append_shared(buf, entry);
        append_u16(buf, 0); // extra fields
        append_u16(buf, 0); // comment
        append_u16(buf, 0); // disk
        append_u16(buf, 0); // attributes
        append_u32(buf, 0);
        append_u32(buf, entry->header);
        buf_append_str(buf, entry->name);
    }
    size_t bytes = buf->len - start;
    append_u32(buf, END_SIGNATURE);
    append_u16(buf, 0); // disks
    append_u16(buf, 0);
    append_u16(buf, zip->count);
    append_u16(buf, zip->count);
    append_u32(buf, bytes);
    append_u32(buf, start);
    append_u16(buf, 0); // comment
}

enum err zip_finish(struct zip *zip, struct error *err)
{
    append_directory(zip);
    if (zip->buf->overflow || zip->buf->len > UINT32_MAX)
        return error_set(err, ERR_TOO_LARGE, "The model is too large for one file");
    return ERR_OK;
}
