// One thread with the houses that were last asked for, each as four files in memory.
#include "sim/sim_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/pool.h"
#include "base/thread.h"
#include "sim/house.h"
#include "sim/sim_spoil.h"

#define HOUSES_KEPT   16
#define WAITING_MAX   16384
#define ARENA_BYTES   ((size_t)4 << 20)
#define ETAG_DIGITS   32
#define FILES_A_HOUSE 4
#define SAME_HOUSE_ID 1

// In the order of struct kept_house's files.
static const struct {
    struct str name;
    const char *content_type;
    size_t offset; // in struct house_files
    // What makes a newer file of it: a comment, and where it goes.
    struct str comment;
    size_t comment_at;
} kinds[FILES_A_HOUSE] = {
    {STR_INIT("scene.obj"), "model/obj", offsetof(struct house_files, obj), STR_INIT("# newer\n"),
     0},
    {STR_INIT("scene.mtl"), "model/mtl", offsetof(struct house_files, mtl), STR_INIT("# newer\n"),
     0},
    {STR_INIT("scene.ply"), "application/octet-stream", offsetof(struct house_files, ply),
     STR_INIT("comment newer\n"), sizeof("ply\nformat binary_little_endian 1.0\n") - 1},
    {STR_INIT("scene.jpg"), "image/jpeg", offsetof(struct house_files, jpg),
     STR_INIT("\xff\xfe\0\x08newer\0"), 2},
};

struct kept_file {
    int fd; // of memory that goes with its last descriptor
    uint64_t size_bytes;
    char etag[SHA256_HEX + 1];
    char md5[MD5_BASE64 + 1];
};

struct kept_house {
    int64_t project_id; // 0: free
    uint64_t used;      // a count that grows: the least one was not asked for the longest
    struct kept_file files[FILES_A_HOUSE];
};

// Everything below the pool belongs to the pool's one thread.
struct sim_files {
    pthread_mutex_t lock; // guards pool
    struct pool *pool;    // NULL: stopped
    struct arena *arena;
    bool same_house;
    uint64_t uses;
    struct kept_house houses[HOUSES_KEPT];
};

// A request that waits, in the request's arena.
struct file_wish {
    struct pool_work work;
    struct sim_files *files;
    struct http_request *request;
    const struct sim_project *project;
    size_t kind;
    struct sim_file_flaw flaw;
};

static void house_forget(struct kept_house *house)
{
    for (size_t i = 0; i < FILES_A_HOUSE; i++)
        fd_close(&house->files[i].fd);
    house->project_id = 0;
}

static enum err file_keep(struct kept_file *file, struct str text, struct error *err)
{
    file->fd = memfd_create("sunlead-sim", MFD_CLOEXEC);
    if (file->fd < 0)
        return fs_err(err, "cannot make", "a file in memory");
    TRY(fs_write_all(file->fd, text.ptr, text.len, err));
    file->size_bytes = text.len;
    sha256_hex(text, file->etag);
    file->etag[ETAG_DIGITS] = '\0';
    (void)md5_base64(text, file->md5); // empty where there is none
    return ERR_OK;
}

// A copy with a comment in it.
static enum err file_renew(struct sim_files *files, const struct kept_file *old, size_t kind,
                           struct kept_file *ret_file, struct error *err)
{
    struct str comment = kinds[kind].comment;
    size_t at = kinds[kind].comment_at;
    size_t size = (size_t)old->size_bytes;
    arena_reset(files->arena);
    char *text = arena_raw(files->arena, size + comment.len);
    if (pread(old->fd, text, size, 0) != (ssize_t)size)
        return fs_err(err, "cannot read", "a file in memory");
    memmove(text + at + comment.len, text + at, size - at);
    memcpy(text + at, comment.ptr, comment.len);
    return file_keep(ret_file, (struct str){.ptr = text, .len = size + comment.len}, err);
}

static enum err house_keep(struct sim_files *files, const struct sim_project *project,
                           struct kept_house *house, struct error *err)
{
    const struct sim_system *system = &project->system;
    struct house_order order = {
        .latitude = project->latitude,
        .longitude = project->longitude,
        .panel_width_m = system->panel->width_m,
        .panel_height_m = system->panel->height_m,
        .panel_count = system->panel_count,
    };
    struct house_files made;
    arena_reset(files->arena);
    TRY(house_make(&order, files->arena, &made, err));
    for (size_t i = 0; i < FILES_A_HOUSE; i++) {
        const struct str *text =
            (const struct str *)(const void *)((const char *)&made + kinds[i].offset);
        TRY(file_keep(&house->files[i], *text, err));
    }
    return ERR_OK;
}

// Finds the project's house or makes it in the place of the one that was not used the longest.
static enum err house_get(struct sim_files *files, const struct sim_project *project,
                          struct kept_house **ret_house, struct error *err)
{
    struct kept_house *oldest = &files->houses[0];
    int64_t id = files->same_house ? SAME_HOUSE_ID : project->id;
    for (size_t i = 0; i < HOUSES_KEPT; i++) {
        struct kept_house *house = &files->houses[i];
        if (house->project_id == id) {
            house->used = ++files->uses;
            *ret_house = house;
            return ERR_OK;
        }
        if (house->used < oldest->used)
            oldest = house;
    }
    house_forget(oldest);
    enum err code = house_keep(files, project, oldest, err);
    if (code != ERR_OK) {
        house_forget(oldest);
        return code;
    }
    oldest->project_id = id;
    oldest->used = ++files->uses;
    *ret_house = oldest;
    return ERR_OK;
}

// The file that is sent; the descriptor is the caller's.
static enum err file_get(const struct file_wish *wish, struct kept_file *ret_file,
                         struct error *err)
{
    struct kept_house *house;
    TRY(house_get(wish->files, wish->project, &house, err));
    const struct kept_file *kept = &house->files[wish->kind];
    if (wish->flaw.is_newer)
        return file_renew(wish->files, kept, wish->kind, ret_file, err);
    *ret_file = *kept;
    ret_file->fd = fcntl(kept->fd, F_DUPFD_CLOEXEC, 0);
    if (ret_file->fd < 0)
        return fs_err(err, "cannot open", "a file in memory");
    return ERR_OK;
}

static void wish_run(struct pool_work *work)
{
    struct file_wish *wish = CONTAINER_OF(work, struct file_wish, work);
    struct http_request *request = wish->request;
    struct error err = {0};
    struct kept_file file = {.fd = -1};
    if (file_get(wish, &file, &err) != ERR_OK) {
        fd_close(&file.fd);
        http_problem(request, &err);
        return;
    }
    uint64_t size_bytes = file.size_bytes;
    if (wish->flaw.is_short)
        size_bytes = sim_spoil_length((size_t)size_bytes, wish->flaw.short_at);
    if (file.md5[0] != '\0')
        http_set_header(request, "x-goog-hash",
                        arena_printf(http_arena(request), "md5=%s", file.md5));
    http_respond_file(request, kinds[wish->kind].content_type, file.fd, size_bytes,
                      str_of(file.etag));
}

enum err sim_files_open(bool same_house, struct sim_files **ret_files, struct error *err)
{
    struct arena *arena = arena_open(ARENA_BYTES);
    struct sim_files *files = calloc(1, sizeof(*files));
    check(files != NULL);
    pthread_mutex_init(&files->lock, NULL);
    files->arena = arena;
    files->same_house = same_house;
    for (size_t i = 0; i < HOUSES_KEPT; i++) {
        for (size_t j = 0; j < FILES_A_HOUSE; j++)
            files->houses[i].files[j].fd = -1;
    }
    enum err code = pool_open(&files->pool, "sim-files", 1, WAITING_MAX, err);
    if (code != ERR_OK) {
        sim_files_close(files);
        return code;
    }
    *ret_files = files;
    return ERR_OK;
}

void sim_files_stop(struct sim_files *files)
{
    if (files == NULL)
        return;
    mutex_lock(&files->lock);
    struct pool *pool = TAKE_PTR(files->pool);
    mutex_unlock(&files->lock);
    pool_close(pool);
}

void sim_files_close(struct sim_files *files)
{
    if (files == NULL)
        return;
    sim_files_stop(files);
    pthread_mutex_destroy(&files->lock);
    for (size_t i = 0; i < HOUSES_KEPT; i++)
        house_forget(&files->houses[i]);
    arena_close(files->arena);
    free(files);
}

void sim_files_answer(struct sim_files *files, struct http_request *request,
                      const struct sim_project *project, struct str name, struct sim_file_flaw flaw)
{
    size_t kind = 0;
    while (kind < FILES_A_HOUSE && !str_equal(name, kinds[kind].name))
        kind++;
    struct error err = {0};
    if (kind == FILES_A_HOUSE) {
        error_set(&err, ERR_NOT_FOUND, "There is no such file");
        http_problem(request, &err);
        return;
    }
    struct file_wish *wish = arena_new(http_arena(request), struct file_wish, 1);
    *wish = (struct file_wish){
        .work = {.run = wish_run},
        .files = files,
        .request = request,
        .project = project,
        .kind = kind,
        .flaw = flaw,
    };
    http_suspend(request);
    mutex_lock(&files->lock);
    enum err code = files->pool == NULL ? ERR_UNAVAILABLE : pool_submit(files->pool, &wish->work);
    mutex_unlock(&files->lock);
    if (code != ERR_OK) {
        error_set(&err, code, "Too many files are asked for");
        http_problem(request, &err);
    }
}
