// Runs a PostgreSQL server for the tests.
#include "support/postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/number.h"

#define READY_TRIES 6000
#define PAUSE_MS    10
#define ARGS_MAX    40

struct postgres {
    struct arena *arena;
    char folder[64];
    const char *data;
    const char *bin;
    uid_t uid; // the server refuses to run as root
    gid_t gid;
    pid_t keeper; // removes what is left when this process ends, however it does
    int keeper_fd;
    pid_t pid;        // 0: halted
    pid_t pooler_pid; // 0: not started
    unsigned databases;
};

static void pause_shortly(void)
{
    const struct timespec time = {.tv_nsec = PAUSE_MS * 1000000L};
    (void)nanosleep(&time, NULL);
}

// ---- The keeper.

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void)info;
    (void)flag;
    (void)ftw;
    (void)remove(path);
    return 0;
}

// What the server says of itself: its process id first, "ready" in the eighth line.
static pid_t read_pid_file(const struct postgres *server, bool *ret_ready)
{
    char path[128];
    char text[1000];
    *ret_ready = false;
    snprintf(path, sizeof(path), "%s/postmaster.pid", server->data);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size_t len = fread(text, 1, sizeof(text), file);
    fclose(file);
    struct str rest = {text, len};
    int64_t pid = 0;
    for (int line = 1; rest.ptr != NULL; line++) {
        struct str value = str_trim(str_split(&rest, '\n'));
        if (line == 1 && number_parse_i64(value, 1, INT32_MAX, &pid) != ERR_OK)
            return 0;
        if (line == 8)
            *ret_ready = str_equal(value, STR("ready"));
    }
    return (pid_t)pid;
}

// Waits until the tests are over: then nobody has the other end of the pipe any more.
static void keep(const struct postgres *server, int fd)
{
    char byte;
    bool ready;
    (void)setsid();
    while (read(fd, &byte, 1) < 0 && errno == EINTR)
        continue;
    pid_t pid = read_pid_file(server, &ready);
    if (pid > 0)
        (void)kill(pid, SIGQUIT);
    for (int i = 0; i < READY_TRIES && pid > 0 && read_pid_file(server, &ready) != 0; i++)
        pause_shortly();
    (void)nftw(server->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    _exit(0);
}

static bool start_keeper(struct postgres *server)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return false;
    server->keeper = fork();
    if (server->keeper == 0) {
        close(fds[1]);
        keep(server, fds[0]);
    }
    close(fds[0]);
    server->keeper_fd = fds[1];
    return server->keeper > 0;
}

// ---- Programs.

// Starts a program with its arguments, its output in the folder's log.
static pid_t launch(const struct postgres *server, const char *path, const char *const *args)
{
    char log[128];
    char *argv[ARGS_MAX + 2] = {(char *)(uintptr_t)path};
    snprintf(log, sizeof(log), "%s/log", server->folder);
    for (size_t i = 0; args[i] != NULL && i < ARGS_MAX; i++)
        argv[i + 1] = (char *)(uintptr_t)args[i];
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    bool ok = fd >= 0 && dup2(fd, 1) == 1 && dup2(fd, 2) == 2 && chdir("/") == 0 && setsid() > 0;
    if (ok && geteuid() == 0)
        ok = setgid(server->gid) == 0 && setuid(server->uid) == 0;
    // PgBouncer keeps no file by which it could be found; the server's programs leave in order.
    if (ok && path[0] != '/' && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        ok = false;
    if (ok)
        execvp(path, argv);
    _exit(127);
}

static pid_t launch_server(const struct postgres *server, const char *program,
                           const char *const *args)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", server->bin, program);
    return launch(server, path, args);
}

static bool run(const struct postgres *server, const char *program, const char *const *args)
{
    pid_t pid = launch_server(server, program, args);
    int status = -1;
    if (pid <= 0 || waitpid(pid, &status, 0) != pid)
        return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool start_server(struct postgres *server)
{
    const char *const args[] = {"-D", server->data,           "-k", server->folder,
                                "-c", "listen_addresses=",    "-c", "fsync=off",
                                "-c", "full_page_writes=off", "-c", "synchronous_commit=on",
                                "-c", "max_connections=200",  "-c", "shared_buffers=32MB",
                                "-c", "autovacuum=off",       "-c", "deadlock_timeout=50ms",
                                NULL};
    server->pid = launch_server(server, "postgres", args);
    for (int i = 0; i < READY_TRIES; i++) {
        bool ready;
        if (read_pid_file(server, &ready) == server->pid && ready)
            return true;
        if (waitpid(server->pid, NULL, WNOHANG) != 0)
            return false;
        pause_shortly();
    }
    return false;
}

static bool init_folder(struct postgres *server)
{
    snprintf(server->folder, sizeof(server->folder), "/tmp/sunlead-pg-XXXXXX");
    if (mkdtemp(server->folder) == NULL)
        return false;
    server->data = arena_printf(server->arena, "%s/data", server->folder).ptr;
    if (!start_keeper(server) || chown(server->folder, server->uid, server->gid) != 0)
        return false;
    const char *const args[] = {
        "-D",   server->data, "-U",        "sunlead",           "-A", "trust", "-E",
        "UTF8", "--locale=C", "--no-sync", "--no-instructions", NULL};
    return run(server, "initdb", args);
}

// Debian keeps each version's programs in a folder of its own.
static bool find_programs(struct postgres *server)
{
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0)
        return false;
    struct str path = str_of(found.gl_pathv[found.gl_pathc - 1]);
    server->bin = arena_str(server->arena, str_slice(path, 0, path.len - strlen("/initdb"))).ptr;
    globfree(&found);
    return true;
}

static bool find_user(struct postgres *server)
{
    server->uid = geteuid();
    server->gid = getegid();
    if (server->uid != 0)
        return true;
    const struct passwd *user = getpwnam("postgres");
    if (user == NULL)
        return false;
    server->uid = user->pw_uid;
    server->gid = user->pw_gid;
    return true;
}

struct postgres *postgres_start(void)
{
    struct postgres *server = calloc(1, sizeof(*server));
    check(server != NULL);
    server->arena = arena_open(0);
    server->keeper_fd = -1;
    const char *failed = NULL;
    if (!find_programs(server) || !find_user(server))
        failed = "it is not installed";
    else if (!init_folder(server))
        failed = "initdb failed";
    else if (!start_server(server))
        failed = "it does not start";
    if (failed == NULL)
        return server;
    print_error("PostgreSQL: %s\n", failed);
    postgres_stop(server);
    return NULL;
}

void postgres_stop(struct postgres *server)
{
    if (server == NULL)
        return;
    fd_close(&server->keeper_fd);
    if (server->pooler_pid > 0) {
        (void)kill(server->pooler_pid, SIGKILL);
        (void)waitpid(server->pooler_pid, NULL, 0);
    }
    if (server->pid > 0) {
        (void)kill(server->pid, SIGQUIT);
        (void)waitpid(server->pid, NULL, 0);
    }
    if (server->keeper > 0)
        (void)waitpid(server->keeper, NULL, 0);
    arena_close(server->arena);
    free(server);
}

// ---- Databases.

static const char *url_of(struct postgres *server, const char *name)
{
    return arena_printf(server->arena, "postgres://sunlead@/%s?host=%s", name, server->folder).ptr;
}

// "db7" of a URL.
static struct str name_of(const char *url)
{
    struct str name = str_of(url);
    name = str_slice(name, str_find(name, '@', 0) + 2, name.len);
    return str_slice(name, 0, str_find(name, '?', 0));
}

void postgres_exec(struct postgres *server, const char *url, const char *statement)
{
    const char *const args[] = {"-X", "-q",      "-v", "ON_ERROR_STOP=1", "-d", url,
                                "-c", statement, NULL};
    if (!run(server, "psql", args))
        fail_msg("psql failed: %s", statement);
}

const char *postgres_create(struct postgres *server, const char *copy_of)
{
    const char *name = arena_printf(server->arena, "db%u", ++server->databases).ptr;
    struct str text =
        copy_of == NULL
            ? arena_printf(server->arena, "CREATE DATABASE %s", name)
            : arena_printf(server->arena, "CREATE DATABASE %s TEMPLATE %.*s STRATEGY file_copy",
                           name, STR_ARG(name_of(copy_of)));
    postgres_exec(server, url_of(server, "postgres"), text.ptr);
    return url_of(server, name);
}

void postgres_allow(struct postgres *server, const char *url, bool allowed)
{
    struct str text = arena_printf(server->arena, "ALTER DATABASE %.*s ALLOW_CONNECTIONS %s",
                                   STR_ARG(name_of(url)), allowed ? "true" : "false");
    postgres_exec(server, url_of(server, "postgres"), text.ptr);
}

void postgres_drop(struct postgres *server, const char *url)
{
    struct str text =
        arena_printf(server->arena, "DROP DATABASE %.*s WITH (FORCE)", STR_ARG(name_of(url)));
    postgres_exec(server, url_of(server, "postgres"), text.ptr);
}

void postgres_halt(struct postgres *server, bool crash)
{
    check(server->pid > 0);
    (void)kill(server->pid, crash ? SIGQUIT : SIGINT);
    (void)waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

void postgres_resume(struct postgres *server)
{
    if (!start_server(server))
        fail_msg("PostgreSQL does not start again");
}

// ---- PgBouncer.

// It listens on a socket in the server's folder, whose name is made of this number.
#define POOLER_PORT 6432

static bool pooler_listens(const struct postgres *server)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.%d", server->folder,
             POOLER_PORT);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    fd_close(&fd);
    return ok;
}

static void start_pooler(struct postgres *server)
{
    const char *ini = arena_printf(server->arena, "%s/pgbouncer.ini", server->folder).ptr;
    FILE *file = fopen(ini, "we");
    if (file == NULL)
        fail_msg("%s: %s", ini, strerror(errno));
    fprintf(file,
            "[databases]\n* = host=%s user=sunlead\n[pgbouncer]\npool_mode = transaction\n"
            "auth_type = any\nlisten_addr =\nlisten_port = %d\nunix_socket_dir = %s\n"
            "max_client_conn = 1000\n",
            server->folder, POOLER_PORT, server->folder);
    fclose(file);
    const char *const args[] = {"-q", ini, NULL};
    server->pooler_pid = launch(server, "pgbouncer", args);
    for (int i = 0; i < READY_TRIES; i++) {
        if (pooler_listens(server))
            return;
        if (waitpid(server->pooler_pid, NULL, WNOHANG) != 0)
            break;
        pause_shortly();
    }
    fail_msg("PgBouncer does not start");
}

const char *postgres_pool(struct postgres *server, const char *url)
{
    if (server->pooler_pid == 0)
        start_pooler(server);
    return arena_printf(server->arena, "%s&port=%d", url, POOLER_PORT).ptr;
}
