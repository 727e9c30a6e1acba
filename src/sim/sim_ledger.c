// Lines of JSON, each on disk before its project is heard of.
#include "sim/sim_ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/field.h"
#include "base/fs.h"
#include "base/log.h"
#include "json/json_read.h"
#include "json/json_write.h"

// More than a line can have whose texts are as long as they may be, each byte escaped.
#define LINE_MAX_BYTES ((size_t)32 << 10)
#define ID_MAX         9e15
#define PANELS_MAX     1000

struct sim_ledger {
    const char *path;
    int fd;         // its lock goes with it
    int64_t size;   // of the whole lines, in bytes
    bool is_broken; // there may be more behind them
    size_t line;    // number of the line that was read last
    int64_t last_project_id;
    int64_t last_house_id;
    size_t from; // where what is not used yet begins in text
    size_t len;
    char text[LINE_MAX_BYTES];
};

struct hardware {
    int64_t panel_id;
    int64_t panel_count; // kept, so that the house stays as it is should the design ever change
    int64_t inverter_id;
    struct opt_i64 storage_id;
    int64_t storage_quantity;
};

struct line {
    int64_t project_id;
    int64_t house_id;
    struct opt_i64 time;
    struct opt_i64 done;
    struct str asked_by;
    struct str homeowner_email;
    double latitude;
    double longitude;
    struct sim_address address;
    struct hardware hardware;
    double consumption[SIM_MONTHS];
    int64_t target_solar_offset;
    struct str mode;
    // Absent where a simulator without faults wrote the line.
    int64_t session;
    struct str user_agent;
    struct str request_id;
    struct str answer_faults;
    bool unanswered;
    struct str fate;
};

static const struct field address_fields[] = {
    {FIELD_AS_STR(struct sim_address, street, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
    {FIELD_AS_STR(struct sim_address, city, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
    {FIELD_AS_STR(struct sim_address, state, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
    {FIELD_AS_STR(struct sim_address, postal_code, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
    {FIELD_AS_STR(struct sim_address, country, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
};
static const struct field_table address_table =
    FIELD_TABLE("address", address_fields, struct sim_address);

static const struct field hardware_fields[] = {
    {FIELD_AS_I64(struct hardware, panel_id), .flags = FIELD_REQUIRED},
    {FIELD_AS_I64(struct hardware, panel_count), .flags = FIELD_REQUIRED, .min = 1,
     .max = PANELS_MAX},
    {FIELD_AS_I64(struct hardware, inverter_id), .flags = FIELD_REQUIRED},
    {FIELD_AS_OPT_I64(struct hardware, storage_id)},
    {FIELD_AS_I64(struct hardware, storage_quantity), .flags = FIELD_REQUIRED, .min = 0,
     .max = SIM_STORAGE_MAX},
};
static const struct field_table hardware_table =
    FIELD_TABLE("hardware", hardware_fields, struct hardware);

static const struct field line_fields[] = {
    {FIELD_AS_I64(struct line, project_id), .flags = FIELD_REQUIRED, .min = 1, .max = ID_MAX},
    {FIELD_AS_I64(struct line, house_id), .flags = FIELD_REQUIRED, .min = 1, .max = ID_MAX},
    {FIELD_AS_TIME(struct line, time), .flags = FIELD_REQUIRED},
    {FIELD_AS_TIME(struct line, done), .flags = FIELD_REQUIRED},
    {FIELD_AS_STR(struct line, asked_by, SIM_CONTACT_MAX - 1), .flags = FIELD_REQUIRED},
    {FIELD_AS_STR(struct line, homeowner_email, SIM_TEXT_MAX), .flags = FIELD_REQUIRED},
    {FIELD_AS_F64(struct line, latitude), .flags = FIELD_REQUIRED, .min = -90, .max = 90},
    {FIELD_AS_F64(struct line, longitude), .flags = FIELD_REQUIRED, .min = -180, .max = 180},
    {FIELD_AS_OBJECT(struct line, address, &address_table), .flags = FIELD_REQUIRED},
    {FIELD_AS_OBJECT(struct line, hardware, &hardware_table), .flags = FIELD_REQUIRED},
    {FIELD_AS_F64_LIST(struct line, consumption, SIM_MONTHS), .flags = FIELD_REQUIRED, .min = 0,
     .max = 1e9},
    {FIELD_AS_I64(struct line, target_solar_offset), .flags = FIELD_REQUIRED, .min = 0,
     .max = 1000},
    {FIELD_AS_STR(struct line, mode, SIM_TEXT_MAX)},
    {FIELD_AS_I64(struct line, session), .min = 0, .max = ID_MAX},
    {FIELD_AS_STR(struct line, user_agent, SIM_AGENT_MAX)},
    {FIELD_AS_STR(struct line, request_id, SIM_AGENT_MAX)},
    {FIELD_AS_STR(struct line, answer_faults, SIM_FAULTS_MAX)},
    {FIELD_AS_BOOL(struct line, unanswered)},
    {FIELD_AS_STR(struct line, fate, SIM_FAULTS_MAX)},
};
static const struct field_table line_table = FIELD_TABLE("ledger line", line_fields, struct line);

// ---- The file

// The folder that a file is in.
static const char *folder_of(const char *path, struct arena *arena)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return ".";
    return slash == path ? "/" : arena_printf(arena, "%.*s", (int)(slash - path), path).ptr;
}

// A file that was just made is there after a power cut only when its folder is on disk.
static enum err sync_folder(const char *folder, struct error *err)
{
    CLEANUP(fd_close) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return fs_err(err, "cannot sync", folder);
    return ERR_OK;
}

static enum err lock(int fd, const char *path, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fs_err(err, "cannot look at", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERR_INVALID, "%s is no regular file", path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    if (errno == EWOULDBLOCK)
        return error_set(err, ERR_CONFLICT, "another simulator keeps its projects in %s", path);
    return fs_err(err, "cannot lock", path);
}

enum err sim_ledger_open(const char *path, struct sim_ledger **ret_ledger, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    const char *folder = folder_of(path, arena);
    TRY(fs_make_dirs(folder, err));
    CLEANUP(fd_close) int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fs_err(err, "cannot open", path);
    TRY(lock(fd, path, err));
    TRY(sync_folder(folder, err));
    struct sim_ledger *ledger = calloc(1, sizeof(*ledger));
    check(ledger != NULL);
    ledger->path = path;
    ledger->fd = fd;
    fd = -1;
    *ret_ledger = ledger;
    return ERR_OK;
}

void sim_ledger_close(struct sim_ledger *ledger)
{
    if (ledger == NULL)
        return;
    fd_close(&ledger->fd);
    free(ledger);
}

// ---- Reading

static enum err line_error(const struct sim_ledger *ledger, const char *cause, struct error *err)
{
    error_set(err, ERR_CORRUPT, "%s: line %zu is broken", ledger->path, ledger->line);
    error_cause(err, "%s", cause);
    return ERR_CORRUPT;
}

// Reads more behind what is there. *ret_got is 0 at the file's end.
static enum err read_more(struct sim_ledger *ledger, size_t *ret_got, struct error *err)
{
    memmove(ledger->text, ledger->text + ledger->from, ledger->len - ledger->from);
    ledger->len -= ledger->from;
    ledger->from = 0;
    ssize_t got;
    do {
        got = read(ledger->fd, ledger->text + ledger->len, sizeof(ledger->text) - ledger->len);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return fs_err(err, "cannot read", ledger->path);
    ledger->len += (size_t)got;
    *ret_got = (size_t)got;
    return ERR_OK;
}

// The next line without its end, good until the next call; null at the file's end.
static enum err next_line(struct sim_ledger *ledger, struct str *ret_line, struct error *err)
{
    for (;;) {
        struct str text = {.ptr = ledger->text + ledger->from, .len = ledger->len - ledger->from};
        size_t end = str_find(text, '\n', 0);
        if (end < text.len) {
            ledger->line++;
            ledger->from += end + 1;
            ledger->size += (int64_t)end + 1;
            *ret_line = str_slice(text, 0, end);
            return ERR_OK;
        }
        if (text.len == sizeof(ledger->text)) {
            ledger->line++;
            return line_error(ledger, "it is too long", err);
        }
        size_t got = 0;
        TRY(read_more(ledger, &got, err));
        if (got == 0) {
            *ret_line = STR_NULL;
            return ERR_OK;
        }
    }
}

// The project of a line that was cut was never answered for. What was read is synced: it may be
// left from a process that was killed before it could.
static enum err end_reading(struct sim_ledger *ledger, struct error *err)
{
    if (ledger->len > ledger->from) {
        log_event(LOG_WARN, "simulate.cut_line", "the last line was cut by a crash and is dropped",
                  LOG_TEXT_FIELD("file", ledger->path), LOG_I64("line", (int64_t)ledger->line + 1));
        if (ftruncate(ledger->fd, ledger->size) != 0)
            return fs_err(err, "cannot cut", ledger->path);
    }
    ledger->len = ledger->from = 0;
    if (fdatasync(ledger->fd) != 0)
        return fs_err(err, "cannot sync", ledger->path);
    return ERR_OK;
}

static enum err decode(struct str text, struct arena *arena, struct line *ret_line,
                       struct error *err)
{
    struct json_decoding how = {.flags = JSON_NEW, .arena = arena};
    CLEANUP(json_doc_free_ptr) struct json_doc *doc = NULL;
    TRY(json_parse(text, &doc, err));
    return json_decode(&line_table, json_root(doc), &how, ret_line, err);
}

static enum err check_line(const struct sim_ledger *ledger, const struct line *line,
                           const struct sim_system *system, struct error *err)
{
    if (line->project_id <= ledger->last_project_id)
        return error_place(err, STR("/project_id"), "must be above the one of the line before");
    if (line->house_id <= ledger->last_house_id)
        return error_place(err, STR("/house_id"), "must be above the one of the line before");
    if (line->done.value < line->time.value)
        return error_place(err, STR("/done"), "must not be before the time");
    if (system->panel == NULL)
        return error_place(err, STR("/hardware/panel_id"), "is not known");
    if (system->inverter == NULL)
        return error_place(err, STR("/hardware/inverter_id"), "is not known");
    if (line->hardware.storage_id.set && system->storage == NULL)
        return error_place(err, STR("/hardware/storage_id"), "is not known");
    return ERR_OK;
}

static struct sim_project project_of(const struct line *line)
{
    const struct hardware *hardware = &line->hardware;
    struct sim_project project = {
        .id = line->project_id,
        .house_id = line->house_id,
        .created_us = line->time.value,
        .duration_us = line->done.value - line->time.value,
        .latitude = line->latitude,
        .longitude = line->longitude,
        .system = {.latitude = line->latitude,
                   .state = line->address.state,
                   .panel = sim_panel_find(hardware->panel_id),
                   .panel_count = hardware->panel_count,
                   .inverter = sim_inverter_find(hardware->inverter_id),
                   .storage_quantity = hardware->storage_quantity},
        .address = line->address,
        .homeowner_email = line->homeowner_email,
        .asked_by = line->asked_by,
        .target_offset_percent = line->target_solar_offset,
        .mode = line->mode,
        .session = line->session,
        .user_agent = line->user_agent,
        .request_id = line->request_id,
        .answer_faults = line->answer_faults,
        .unanswered = line->unanswered,
    };
    if (hardware->storage_id.set)
        project.system.storage = sim_storage_find(hardware->storage_id.value);
    memcpy(project.consumption_kwh, line->consumption, sizeof(project.consumption_kwh));
    for (size_t i = 0; i < SIM_MONTHS; i++)
        project.system.annual_use_kwh += line->consumption[i];
    return project;
}

static enum err read_project(const struct sim_ledger *ledger, struct str text, struct arena *arena,
                             struct sim_project *ret_project, struct error *err)
{
    struct line line = {0};
    TRY(decode(text, arena, &line, err));
    *ret_project = project_of(&line);
    if (sim_plan_parse(line.fate, &ret_project->fate, NULL) != ERR_OK)
        return error_place(err, STR("/fate"), "is not known");
    return check_line(ledger, &line, &ret_project->system, err);
}

// The first mistake of a line in one text.
static const char *mistake_of(const struct error *broken, struct arena *arena)
{
    static const struct str place = STR_INIT("line 1, "); // a text of one line says nothing by it
    if (broken->place_count > 0)
        return arena_printf(arena, "%s %s", broken->places[0].pointer, broken->places[0].detail)
            .ptr;
    return broken->message + (str_starts(str_of(broken->message), place) ? place.len : 0);
}

enum err sim_ledger_read(struct sim_ledger *ledger, struct arena *arena,
                         struct sim_project *ret_project, bool *ret_found, struct error *err)
{
    struct str text;
    TRY(next_line(ledger, &text, err));
    *ret_found = text.ptr != NULL;
    if (!*ret_found)
        return end_reading(ledger, err);
    struct error broken;
    error_reset(&broken);
    if (read_project(ledger, text, arena, ret_project, &broken) != ERR_OK)
        return line_error(ledger, mistake_of(&broken, arena), err);
    ledger->last_project_id = ret_project->id;
    ledger->last_house_id = ret_project->house_id;
    return ERR_OK;
}

// ---- Writing

static struct line line_of(const struct sim_project *project, struct buf *fate)
{
    const struct sim_system *system = &project->system;
    struct line line = {
        .project_id = project->id,
        .house_id = project->house_id,
        .time = OPT_I64(project->created_us),
        .done = OPT_I64(project->created_us + project->duration_us),
        .asked_by = project->asked_by,
        .homeowner_email = project->homeowner_email,
        .latitude = project->latitude,
        .longitude = project->longitude,
        .address = project->address,
        .hardware = {.panel_id = system->panel->id,
                     .panel_count = system->panel_count,
                     .inverter_id = system->inverter->id,
                     .storage_quantity = system->storage_quantity},
        .target_solar_offset = project->target_offset_percent,
        .mode = project->mode,
        .session = project->session,
        .user_agent = project->user_agent,
        .request_id = project->request_id,
        .answer_faults = project->answer_faults,
        .unanswered = project->unanswered,
    };
    sim_plan_print(fate, &project->fate);
    if (fate->len > 0)
        line.fate = buf_str(fate);
    if (system->storage != NULL)
        line.hardware.storage_id = OPT_I64(system->storage->id);
    memcpy(line.consumption, project->consumption_kwh, sizeof(line.consumption));
    return line;
}

static enum err write_synced(const struct sim_ledger *ledger, struct str text, struct error *err)
{
    TRY(fs_write_all(ledger->fd, text.ptr, text.len, err));
    if (fdatasync(ledger->fd) != 0)
        return fs_err(err, "cannot sync", ledger->path);
    return ERR_OK;
}

enum err sim_ledger_append(struct sim_ledger *ledger, const struct sim_project *project,
                           struct error *err)
{
    if (ledger->is_broken)
        return error_set(err, ERR_UNAVAILABLE, "%s could not be written: start the simulator again",
                         ledger->path);
    CLEANUP(buf_done) struct buf buf;
    buf_init(&buf, LINE_MAX_BYTES);
    CLEANUP(buf_done) struct buf fate;
    buf_init(&fate, SIM_FAULTS_MAX);
    struct line line = line_of(project, &fate);
    json_write_object(&buf, &line_table, &line);
    buf_append_char(&buf, '\n');
    check(!buf.overflow);
    enum err code = write_synced(ledger, buf_str(&buf), err);
    if (code == ERR_OK)
        ledger->size += (int64_t)buf.len;
    else if (ftruncate(ledger->fd, ledger->size) != 0 || fdatasync(ledger->fd) != 0)
        ledger->is_broken = true;
    return code;
}
