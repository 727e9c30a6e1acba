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
} kinds[FILES_A_HOUSE] = {
    {STR_INIT("scene.obj"), "model/obj", offsetof(struct house_files, obj)},
    {STR_INIT("scene.mtl"), "model/mtl", offsetof(struct house_files, mtl)},
    {STR_INIT("scene.ply"), "application/octet-stream", offsetof(struct house_files, ply)},
    {STR_INIT("scene.jpg"), "image/jpeg", offsetof(struct house_files, jpg)},
};

struct kept_file {
    int fd; // of memory that goes with its last descriptor
    uint64_t size_bytes;
    char etag[SHA256_HEX + 1];
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
    bool is_short;
    int64_t short_at;
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
    return ERR_OK;
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

static void wish_run(struct pool_work *work)
{
    struct file_wish *wish = CONTAINER_OF(work, struct file_wish, work);
    struct error err = {0};
    struct kept_house *house;
    if (house_get(wish->files, wish->project, &house, &err) != ERR_OK) {
        http_problem(wish->request, &err);
        return;
    }
    const struct kept_file *file = &house->files[wish->kind];
    int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        (void)fs_err(&err, "cannot open", "a file in memory");
        http_problem(wish->request, &err);
        return;
    }
    uint64_t size_bytes = file->size_bytes;
    if (wish->is_short)
        size_bytes = sim_spoil_length(size_bytes, wish->short_at);
    http_respond_file(wish->request, kinds[wish->kind].content_type, fd, size_bytes,
                      str_of(file->etag));
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
                      const struct sim_project *project, struct str name, const int64_t *short_at)
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
        .is_short = short_at != NULL,
        .short_at = short_at != NULL ? *short_at : 0,
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
