// Copies in gzip of contents that are text.
#include "files/files_gzip.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

#include "base/fs.h"

#define PIECE_BYTES 65536
#define GZIP_FORMAT (15 + 16) // zlib's: a window of 32 KB, and gzip's header and trailer
#define MEMORY      8         // zlib's default

bool files_gzip_is_text(int fd, struct str content_type)
{
    static const struct str types[] = {STR_INIT("model/obj"), STR_INIT("model/mtl"),
                                       STR_INIT("application/json")};
    static const struct str plys[] = {STR_INIT("ply\nformat ascii"),
                                      STR_INIT("ply\r\nformat ascii")};
    char start[32];
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (str_equal(content_type, types[i]))
            return true;
    }
    ssize_t got = pread(fd, start, sizeof(start), 0);
    struct str head = {.ptr = start, .len = got < 0 ? 0 : (size_t)got};
    return str_starts(head, plys[0]) || str_starts(head, plys[1]);
}

struct gzip {
    z_stream stream;
    int to_fd;
    int64_t left; // how much larger the copy may become
    unsigned char in[PIECE_BYTES];
    unsigned char out[PIECE_BYTES];
};

// Compresses what is in stream.next_in and writes what that gives.
static enum err write_piece(struct gzip *gzip, int flush, struct error *err)
{
    z_stream *stream = &gzip->stream;
    do {
        stream->next_out = gzip->out;
        stream->avail_out = sizeof(gzip->out);
        check(deflate(stream, flush) != Z_STREAM_ERROR);
        size_t made = sizeof(gzip->out) - stream->avail_out;
        gzip->left -= (int64_t)made;
        if (gzip->left < 0)
            return error_set(err, ERR_TOO_LARGE, "a copy in gzip is not much smaller");
        TRY(fs_write_all(gzip->to_fd, gzip->out, made, err));
    } while (stream->avail_out == 0);
    return ERR_OK;
}

static enum err write_all(struct gzip *gzip, int from_fd, struct error *err)
{
    off_t at = 0;
    ssize_t got = 0;
    do {
        got = pread(from_fd, gzip->in, sizeof(gzip->in), at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fs_err(err, "read", "the content");
        at += got;
        gzip->stream.next_in = gzip->in;
        gzip->stream.avail_in = (uInt)got;
        TRY(write_piece(gzip, got == 0 ? Z_FINISH : Z_NO_FLUSH, err));
    } while (got != 0);
    return ERR_OK;
}

enum err files_gzip_write(int from_fd, int to_fd, int64_t max, struct error *err)
{
    struct gzip *gzip = calloc(1, sizeof(*gzip));
    if (gzip == NULL)
        return error_set(err, ERR_UNAVAILABLE, "out of memory");
    gzip->to_fd = to_fd;
    gzip->left = max;
    enum err code = error_set(err, ERR_UNAVAILABLE, "out of memory");
    if (deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_FORMAT, MEMORY,
                     Z_DEFAULT_STRATEGY) == Z_OK) {
        code = write_all(gzip, from_fd, err);
        deflateEnd(&gzip->stream);
    }
    free(gzip);
    return code;
}
