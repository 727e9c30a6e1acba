// Converts what lies in its descriptors, and reports.
#include "convert/convert_worker.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"
#include "convert/convert_confine.h"
#include "convert/convert_report.h"
#include "mesh/mesh_convert.h"

// Large pieces of memory go back to the system when they are freed, rather than wait for a next
// use.
#define GIVEN_BACK_BYTES (256 * 1024)
#define MEMORY_MB_MAX    (1 << 20)
#define CPU_S_MAX        86400

// ---- The beginning.

static bool read_words(char *const *words, struct convert_worker *worker)
{
    int64_t memory_mb = 0;
    int64_t cpu_s = 0;
    if (words[0] == NULL || words[1] == NULL ||
        number_parse_i64(str_of(words[0]), 1, MEMORY_MB_MAX, &memory_mb) != ERR_OK ||
        number_parse_i64(str_of(words[1]), 1, CPU_S_MAX, &cpu_s) != ERR_OK)
        return false;
    worker->limits = (struct convert_limits){(unsigned)memory_mb, (unsigned)cpu_s};
    for (words += 2; *words != NULL; words++) {
        if (worker->source_count == CONVERT_SOURCES_MAX)
            return false;
        worker->names[worker->source_count++] = str_of(*words);
    }
    return worker->source_count > 0;
}

static bool is_descriptor_of(int fd, mode_t kind)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == kind;
}

static bool has_descriptors(const struct convert_worker *worker, int fd_count)
{
    bool has = worker->source_count > 0 && is_descriptor_of(CONVERT_FD_REPORT, S_IFIFO);
    for (int fd = CONVERT_FD_FILES; fd < fd_count; fd++)
        has = has && is_descriptor_of(fd, S_IFREG);
    return has;
}

// Who started this process may be gone before it could ask to end with him: then nobody reads.
static void end_with_parent(void)
{
    struct pollfd report = {.fd = CONVERT_FD_REPORT};
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0UL, 0UL, 0UL) != 0 || poll(&report, 1, 0) != 0)
        _exit(1);
}

enum err convert_worker_begin(char *const *words, struct convert_worker *ret_worker,
                              struct error *err)
{
    *ret_worker = (struct convert_worker){0};
    bool is_read = read_words(words, ret_worker);
    int fd_count = CONVERT_FD_FILES + (int)ret_worker->source_count + (int)convert_product_count();
    if (!is_read || !has_descriptors(ret_worker, fd_count))
        return error_set(err, ERR_INVALID,
                         "mesh worker is what sunlead starts for its own conversions; by hand it "
                         "is sunlead mesh convert");
    end_with_parent();
    // A thread more is not coming: when memory runs out, no other place is looked for.
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_MMAP_THRESHOLD, GIVEN_BACK_BYTES);
    return convert_confine(&ret_worker->limits, fd_count, err);
}

// ---- Reading.

static bool ends_with(struct str s, const char *end)
{
    struct str wanted = str_of(end);
    return s.len >= wanted.len && str_equal_nocase(str_slice(s, s.len - wanted.len, s.len), wanted);
}

// A mesh names its materials and those their texture as they were called where they were made.
// There is only one file of each kind, so whatever the name it is that one.
static int fd_of(const struct convert_worker *worker, struct str name)
{
    static const char *const ends[] = {".jpg", ".jpeg", ".mtl"};
    static const char *const stored[] = {".jpg", ".jpg", ".mtl"};
    for (size_t i = 0; i < worker->source_count; i++) {
        if (str_equal(worker->names[i], name))
            return CONVERT_FD_FILES + (int)i;
    }
    for (size_t k = 0; k < COUNT_OF(ends); k++) {
        for (size_t i = 0; i < worker->source_count && ends_with(name, ends[k]); i++) {
            if (ends_with(worker->names[i], stored[k]))
                return CONVERT_FD_FILES + (int)i;
        }
    }
    return -1;
}

static enum err refuse_read(struct str name, int number, struct error *err)
{
    const char *reason = strerrordesc_np(number);
    return error_set(err, ERR_UNAVAILABLE, "%.*s cannot be read: %s", STR_ARG(name),
                     reason == NULL ? "unknown error" : reason);
}

static enum err read_source(void *context, struct str name, struct arena *arena,
                            struct str *ret_bytes, struct error *err)
{
    int fd = fd_of(context, name);
    if (fd < 0)
        return error_set(err, ERR_NOT_FOUND, "%.*s is not there", STR_ARG(name));
    off_t size = lseek(fd, 0, SEEK_END);
    if (size < 0)
        return refuse_read(name, errno, err);
    if (size > CONVERT_FILE_BYTES_MAX)
        return error_set(err, ERR_TOO_LARGE, "%.*s is too large", STR_ARG(name));
    char *bytes = arena_raw(arena, (size_t)size + 1);
    for (off_t at = 0; at < size;) {
        ssize_t got = pread(fd, bytes + at, (size_t)(size - at), at);
        if (got <= 0)
            return refuse_read(name, got < 0 ? errno : EIO, err);
        at += got;
    }
    bytes[size] = '\0';
    *ret_bytes = (struct str){.ptr = bytes, .len = (size_t)size};
    return ERR_OK;
}

// ---- Writing.

struct output {
    const struct convert_worker *worker;
    struct convert_report report;
};

static size_t index_of(struct str name)
{
    size_t i = 0;
    while (i < convert_product_count() && !str_equal(convert_product_name(i), name))
        i++;
    return i;
}

static enum err put_product(void *context, struct str name, struct str bytes, struct error *err)
{
    struct output *output = context;
    size_t index = index_of(name);
    check(index < convert_product_count());
    int fd = CONVERT_FD_FILES + (int)output->worker->source_count + (int)index;
    for (size_t at = 0; at < bytes.len;) {
        ssize_t put = pwrite(fd, bytes.ptr + at, bytes.len - at, (off_t)at);
        if (put < 0) {
            int number = errno;
            bool is_full = number == ENOSPC || number == EDQUOT;
            enum err code =
                error_set(err, ERR_UNAVAILABLE,
                          is_full ? "our disk is full" : "a model cannot be stored on our disk");
            const char *reason = strerrordesc_np(number);
            error_cause(err, "%s", reason == NULL ? "unknown error" : reason);
            return code;
        }
        at += (size_t)put;
    }
    output->report.sizes[index] = (int64_t)bytes.len;
    output->report.product_count++;
    return ERR_OK;
}

// ---- The conversion.

NORETURN static void finish(struct convert_report *report, const struct error *err)
{
    report->magic = CONVERT_REPORT_MAGIC;
    report->code = (uint32_t)err->code;
    memcpy(report->message, err->message, sizeof(report->message));
    if (err->code != ERR_OK && err->cause[0] != '\0')
        dprintf(CONVERT_FD_WORDS, "%s\n", err->cause);
    ssize_t put = write(CONVERT_FD_REPORT, report, sizeof(*report));
    _exit(put == (ssize_t)sizeof(*report) ? 0 : 1);
}

void convert_worker_run(char *const *words, struct str version, struct error *err)
{
    struct convert_worker worker;
    struct output output = {.worker = &worker};
    error_reset(err);
    enum err code = convert_worker_begin(words, &worker, err);
    if (code == ERR_INVALID)
        return;
    if (code == ERR_OK) {
        struct mesh_convert_options options = {
            .limits = MESH_LIMITS_DEFAULT,
            .up = MESH_UP_AUTO,
            .metres = 1,
            .with_manifest = true,
            .version = version,
            .clock = clock_system(),
        };
        options.products = mesh_products_default(&options.product_count);
        const struct mesh_source source = {
            .read = read_source, .context = &worker, .name = worker.names[0]};
        const struct mesh_sink sink = {.put = put_product, .context = &output};
        err->code = mesh_convert(&source, &options, &sink, err);
    }
    finish(&output.report, err);
}
