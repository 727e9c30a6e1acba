// The parts of the PostgreSQL driver, for its own files only.
#ifndef SUNLEAD_SQL_DRIVER_POSTGRES_H
#define SUNLEAD_SQL_DRIVER_POSTGRES_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/random.h"
#include "sql/sql_driver.h"

struct pg_conn;   // libpq's PGconn
struct pg_result; // libpq's PGresult
struct postgres_db;

// The SQLSTATE that sunlead_require() raises (a migration makes it): a step found no row.
#define POSTGRES_NO_ROW "SL001"

// Behind the lanes of enum sql_lane: writes that undid others in their transaction, or had to wait
// for a lock, and are now each on its own.
#define POSTGRES_LANE_ALONE 3
#define POSTGRES_LANES      4
#define POSTGRES_CONNS_MAX  8

// How often an operation is sent again whose connection broke.
#define POSTGRES_TRIES_MAX 3

// ---- The address.

#define POSTGRES_ADDRESS_MAX 64

// The parameters of a connection, as libpq wants them. They may hold a password.
struct postgres_address {
    char *names[POSTGRES_ADDRESS_MAX + 1]; // ended by NULL
    char *values[POSTGRES_ADDRESS_MAX + 1];
    size_t count;
    bool is_pooled; // the next transaction may be another backend's
};

// driver_postgres_address.c

// postgres_address_init() reads a URL and adds defaults. ERR_INVALID without the URL in its words.
MUST_CHECK enum err postgres_address_init(struct postgres_address *address, const char *url,
                                          bool is_pooled, struct error *err);

// postgres_address_done() frees.
void postgres_address_done(struct postgres_address *address);

// postgres_address_get() is the value of a parameter, null if it has none.
struct str postgres_address_get(const struct postgres_address *address, const char *name);

// driver_postgres_connect.c

// What a connection is for.
struct postgres_session {
    unsigned statement_timeout_ms; // 0: for ever
    unsigned lock_timeout_ms;      // 0: as the server has it
    bool is_read_only;
    int64_t deadline_us; // monotonic, by which it has to be open; 0: none but connect_timeout
    bool goes_by_index;  // its statements read a few rows each
};

// postgres_connect() opens a connection, with a pooler without any of the session's settings, but
// not before a statement was answered: a pooler takes connections also while its server is away.
// Blocks. ERR_UNAVAILABLE with libpq's words as the cause; ERR_FORBIDDEN, ERR_NOT_FOUND where the
// server will not let the role in, or there is no such database or host.
MUST_CHECK enum err postgres_connect(const struct postgres_address *address,
                                     const struct postgres_session *session,
                                     struct pg_conn **ret_handle, struct error *err);

// driver_postgres_pooler.c

// postgres_pooler_find() tells whether the address leads to a pooler that may serve each
// transaction by another backend, though it is not said to. Leaves no trace on those backends.
// Blocks. ERR_UNAVAILABLE as postgres_connect().
MUST_CHECK enum err postgres_pooler_find(const struct postgres_address *address, bool *ret_found,
                                         struct error *err);

// ---- Statements.

// A statement in PostgreSQL's words.
struct postgres_stmt {
    const struct sql_stmt *stmt;
    const char *source;    // the statement's text, to notice one that did not live long enough
    bool is_required;      // raises POSTGRES_NO_ROW when it finds no row
    bool returns_count;    // its only row is the number of rows
    size_t index;          // among all
    char name[16];         // on the server
    char *text;            // on the heap
    size_t param_count;    // once described
    unsigned *param_types; // their OIDs, on the heap; NULL: not described
    uint64_t result_types; // a sum over the OIDs of its columns, once described
};

// All statements that were ever run; grows. For the loop's thread only.
struct postgres_stmts {
    struct postgres_stmt **all; // by index
    size_t count;
    struct postgres_stmt **slots; // by pointer; a power of two, at most half full
    size_t slot_count;
    unsigned forgotten; // how often the types of all were
};

// driver_postgres_stmt.c

// postgres_stmts_find() finds or makes the form of a statement.
struct postgres_stmt *postgres_stmts_find(struct postgres_stmts *stmts, const struct sql_stmt *stmt,
                                          bool is_required);

// postgres_stmts_forget() forgets what the server said of them: each is described again.
void postgres_stmts_forget(struct postgres_stmts *stmts);

// postgres_stmts_done() frees them all.
void postgres_stmts_done(struct postgres_stmts *stmts);

// postgres_stmt_describe() keeps what the server says of the types of a statement. Returns whether
// it said otherwise before.
bool postgres_stmt_describe(struct postgres_stmt *stmt, const struct pg_result *description);

// postgres_stmt_fits() tells whether a result has the types that the server described.
bool postgres_stmt_fits(const struct postgres_stmt *stmt, const struct pg_result *result);

// driver_postgres_text.c

// postgres_text_write() writes a statement in PostgreSQL's words: placeholders filled in,
// {last:table} as a query and, if required, raising when it finds no row. Returns whether its rows
// are only counted then.
bool postgres_text_write(const struct sql_stmt *stmt, bool is_required, struct buf *out);

// ---- Values.

#define POSTGRES_VALUES_MAX 80

// Parameters on their way to the server.
struct postgres_values {
    size_t count;
    const char *values[POSTGRES_VALUES_MAX];
    int lengths[POSTGRES_VALUES_MAX];
    int formats[POSTGRES_VALUES_MAX]; // 0 text, 1 binary
    char scratch[POSTGRES_VALUES_MAX][8];
};

// driver_postgres_encode.c

// postgres_values_fill() encodes a step's parameters for a described statement, in the arena where
// they need more than a few bytes. What the server cannot store is encoded so that it refuses it.
void postgres_values_fill(struct postgres_values *values, const struct sql_step *step,
                          const struct postgres_stmt *stmt, struct arena *arena);

// A place in a result.
struct postgres_cursor {
    const struct pg_result *result;
    int row;
    struct arena *arena; // for texts of values that are none
};

// driver_postgres_decode.c

// postgres_row_columns() and those below are the accessors of struct sql_driver.
size_t postgres_row_columns(const struct sql_row *row);

// postgres_row_is_null() is sql_row_is_null().
bool postgres_row_is_null(const struct sql_row *row, size_t i);

// postgres_row_i64() is sql_row_i64().
int64_t postgres_row_i64(const struct sql_row *row, size_t i);

// postgres_row_f64() is sql_row_f64().
double postgres_row_f64(const struct sql_row *row, size_t i);

// postgres_row_str() is sql_row_str().
struct str postgres_row_str(const struct sql_row *row, size_t i);

// driver_postgres_numeric.c

// postgres_numeric_append() writes a binary NUMERIC as decimal digits; nothing for NaN and
// infinities.
void postgres_numeric_append(struct str bytes, struct buf *out);

// ---- Statements in turn, on a connection that is not in pipeline mode.

struct postgres_call {
    struct pg_conn *handle;
    struct arena *arena;
    int64_t deadline_us; // monotonic; what it passes leaves the connection good for nothing
};

// driver_postgres_step.c

// postgres_run_text() runs a text of one or more statements. Blocks.
MUST_CHECK enum err postgres_run_text(const struct postgres_call *call, const char *text,
                                      struct error *err);

// postgres_run_step() runs a step, whose when_none and on_row are left to the caller, who frees the
// result. Behind a pooler it needs a transaction around it. Blocks.
MUST_CHECK enum err postgres_run_step(const struct postgres_call *call, const struct sql_step *step,
                                      struct pg_result **ret_result, struct error *err);

// postgres_deliver_rows() calls the step's on_row for each row of a result.
void postgres_deliver_rows(const struct sql_step *step, const struct pg_result *result,
                           struct arena *arena);

// ---- Operations under way.

enum postgres_phase {
    POSTGRES_PREPARE, // its statements are being prepared
    POSTGRES_RUN,
    POSTGRES_VERIFY, // it failed, perhaps for types that are not what they were: they are asked for
};

// An operation and how far it is, in its arena.
struct postgres_task {
    struct sql_op *op;
    struct postgres_task *next;
    enum postgres_phase phase;
    bool is_last;  // of its transaction
    bool is_alone; // shares none
    unsigned tries;
    int64_t prove_until_us; // monotonic; how long its fate is looked for; 0: that was known so far
    bool is_committed;      // as its proof saw
    size_t at;              // the command whose result is awaited
    struct postgres_stmt **fresh; // those being prepared
    struct postgres_stmt **stmts; // by step
    struct pg_result **results;   // by step, delivered when all is done
    char sqlstate[6];             // of the failure, if the server named one
    bool is_by_commit;            // the failure, not any step's
    bool is_retyped;              // the server named other types than before
    bool was_verified;            // once is enough
    unsigned forgotten;           // how often types had been when it was sent
};

// A first-in first-out list of tasks.
struct postgres_list {
    struct postgres_task *head;
    struct postgres_task **tail;
};

// driver_postgres_task.c

// postgres_list_init() makes an empty list.
void postgres_list_init(struct postgres_list *list);

// postgres_list_push() adds a task at the end.
void postgres_list_push(struct postgres_list *list, struct postgres_task *task);

// postgres_list_pop() takes the first task; NULL: none.
struct postgres_task *postgres_list_pop(struct postgres_list *list);

// postgres_list_put_back() moves all of `first` before what the list has. Returns how many.
size_t postgres_list_put_back(struct postgres_list *list, struct postgres_list *first);

// postgres_task_new() makes the task of an operation.
struct postgres_task *postgres_task_new(struct sql_op *op);

// postgres_task_resolve() finds the forms of its statements, once.
void postgres_task_resolve(struct postgres_task *task, struct postgres_stmts *stmts);

// postgres_task_reset() forgets what was received, so that the task can be sent again.
void postgres_task_reset(struct postgres_task *task);

// postgres_task_take() keeps the result of the command that is awaited; ownership passes.
void postgres_task_take(struct postgres_task *task, struct pg_result *result);

// postgres_task_finish() hands the rows over, if the operation did not fail, and calls done.
void postgres_task_finish(struct postgres_task *task);

// postgres_task_fail() ends a task without its rows; the error is in its operation.
void postgres_task_fail(struct postgres_task *task);

// ---- Connections.

enum postgres_state { POSTGRES_CLOSED, POSTGRES_CONNECTING, POSTGRES_READY };

// What a lane is like.
struct postgres_lane_settings {
    const char *name;
    size_t connections;
    size_t depth; // transactions on one connection
    size_t batch; // operations in one transaction, at most
    size_t bound; // operations that wait
    struct postgres_session session;
    unsigned when_locked; // which tries again what waited too long for a lock; itself: none
};

struct postgres_lane;

// Who serves a connection. The same number may come again, but not with the same time.
struct postgres_backend {
    int64_t pid; // 0: not known
    int64_t started_us;
};

// A connection. The loop's thread has it, but for what the connector fills in.
struct postgres_conn {
    struct postgres_db *db;
    struct postgres_lane *lane; // NULL: the listener's
    const struct postgres_address *address;
    const struct postgres_session *session;
    struct pg_conn *handle;          // NULL: closed
    struct postgres_backend backend; // of a connection that writes
    enum postgres_state state;
    unsigned char *prepared; // by index of the statement
    size_t prepared_count;
    struct postgres_list sent;
    struct postgres_task *awaited; // of those sent, the one whose results come next
    size_t in_flight;              // transactions
    bool is_preparing;             // sends nothing else meanwhile
    bool is_terminated;            // the server said that it ends; it did nothing after that
    bool is_refused;               // the pooler said that it had no backend for what was sent
    bool is_stale;                 // nothing more is sent on it
    bool wants_output;
    int64_t progress_us;        // monotonic, of the last result or the first sending
    struct postgres_conn *next; // in the connector's lists
    struct error failure;       // why it could not be opened
};

struct postgres_lane {
    const struct postgres_lane_settings *settings;
    atomic_size_t length; // operations not sent yet, those of the inbox included
    bool was_asked;       // for a connection
    struct postgres_list queue;
    struct postgres_conn conns[POSTGRES_CONNS_MAX];
};

// driver_postgres_conn.c

// postgres_conn_begin() takes over the handle that the connector opened.
void postgres_conn_begin(struct postgres_conn *conn);

// postgres_conn_knows() tells whether all of a task's statements are prepared.
bool postgres_conn_knows(struct postgres_conn *conn, struct postgres_task *task);

// postgres_conn_send() sends tasks as one transaction, which it takes out of the list: several that
// the connection knows, or one. A connection that fails meanwhile is closed, and the tasks go where
// those under way go.
void postgres_conn_send(struct postgres_conn *conn, struct postgres_list *tasks);

// postgres_conn_verify() asks for the types of a task's statements, whose error stays.
void postgres_conn_verify(struct postgres_conn *conn, struct postgres_list *task);

// postgres_conn_handle() reads and writes what is ready.
void postgres_conn_handle(struct postgres_conn *conn, unsigned events);

// postgres_conn_break() closes it. What was under way is tried again where that is safe.
void postgres_conn_break(struct postgres_conn *conn, const char *why);

// postgres_conn_break_stuck() closes one that gave no answer in time. What was under way has waited
// for long: it is tried again once at most.
void postgres_conn_break_stuck(struct postgres_conn *conn);

// postgres_conn_is_stuck() tells whether nothing came for longer than a statement may take.
bool postgres_conn_is_stuck(const struct postgres_conn *conn, int64_t now_us);

// driver_postgres_receive.c

// postgres_conn_receive() takes the results that are there. False: the connection is broken.
MUST_CHECK bool postgres_conn_receive(struct postgres_conn *conn);

// ---- Connecting.

// Opens connections on a thread of its own, since name look-ups block.
struct postgres_connector {
    pthread_mutex_t mutex; // guards wanted, arrived, closing
    pthread_cond_t wake;
    struct postgres_conn *wanted;
    struct postgres_conn *arrived;
    bool closing;
    pthread_t thread;
    bool started;
};

// driver_postgres_connector.c

// postgres_connector_init() prepares one without its thread.
void postgres_connector_init(struct postgres_connector *connector);

// postgres_connector_start() starts the thread.
MUST_CHECK enum err postgres_connector_start(struct postgres_db *db, struct error *err);

// postgres_connector_ask() has a connection opened, which will be among those that arrived.
void postgres_connector_ask(struct postgres_conn *conn);

// postgres_connector_take() gives the list of those that were opened or could not be.
struct postgres_conn *postgres_connector_take(struct postgres_connector *connector);

// postgres_connector_done() ends the thread, which may take as long as a connection may, and closes
// what it opened and nobody took.
void postgres_connector_done(struct postgres_connector *connector);

// ---- Notices.

// The channel's name is this and the id of the schema, or 0: what has a schema of its own in a
// database has notices of its own.
#define POSTGRES_CHANNEL "sunlead_"
#define POSTGRES_SCHEMA  "SELECT oid::bigint FROM pg_namespace WHERE nspname = current_schema()"

// Receives what other processes broadcast, on a connection of its own, which is not in pipeline
// mode.
struct postgres_listener {
    pthread_mutex_t mutex; // guards fn, ctx, calling
    pthread_cond_t called;
    sql_notice_fn *fn; // NULL: nobody wants to hear
    void *ctx;
    bool calling; // fn runs
    // The loop's own:
    struct postgres_conn conn;
    bool is_asking;    // LISTEN was sent and not answered yet
    bool is_hearing;   // it was answered before
    bool is_lost;      // and the log says so
    int64_t asked_us;  // monotonic, of the last LISTEN
    int64_t heard_us;  // monotonic, of the server's last sign of life
    unsigned failures; // in a row
    int64_t retry_us;  // monotonic, when it may be opened again
};

// driver_postgres_listen.c

// postgres_listener_init() prepares one that nobody wants to hear.
void postgres_listener_init(struct postgres_db *db);

// postgres_listener_done() closes; the loop has ended.
void postgres_listener_done(struct postgres_db *db);

// postgres_listen() is sql_driver.listen().
void postgres_listen(struct sql *sql, sql_notice_fn *fn, void *ctx);

// postgres_listener_begin() goes on when the connector has opened its connection, or could not.
void postgres_listener_begin(struct postgres_db *db);

// postgres_listener_handle() reads what is there.
void postgres_listener_handle(struct postgres_db *db);

// postgres_listener_run() opens, tries and closes the connection when it is time.
void postgres_listener_run(struct postgres_db *db);

// postgres_listener_due_us() is when it is time: monotonic, INT64_MAX: never by itself.
int64_t postgres_listener_due_us(struct postgres_db *db);

// What waits to be broadcast while a notice is on its way, or was sent just now.
struct postgres_outbox {
    int64_t process;       // a number of this process among all
    pthread_mutex_t mutex; // guards what follows
    struct buf lines;      // one a notice
    bool is_everything;    // they were too many, or some were lost
    bool is_waiting;       // there is something to tell
    bool is_sending;
    int64_t next_us; // monotonic, when the next may be sent
};

// driver_postgres_broadcast.c

// postgres_outbox_init() makes an empty one.
void postgres_outbox_init(struct postgres_outbox *outbox);

// postgres_outbox_done() frees what was not sent.
void postgres_outbox_done(struct postgres_outbox *outbox);

// postgres_outbox_run() sends what waits when it is time. For the loop's thread.
void postgres_outbox_run(struct postgres_db *db);

// postgres_outbox_due_us() is when it is time: monotonic, INT64_MAX: nothing waits, or for what is
// on its way.
int64_t postgres_outbox_due_us(struct postgres_db *db);

// postgres_broadcast() is sql_driver.broadcast().
void postgres_broadcast(struct sql *sql, struct str text);

// postgres_notice_next() takes the next notice off what another process sent; false: none is left.
// A null text is a notice too.
bool postgres_notice_next(struct str *rest, struct str *ret_text);

// postgres_notice_begin() is what a process sent, without its number; null if it is this process's
// own, or not understood.
struct str postgres_notice_begin(const struct postgres_outbox *outbox, struct str payload);
// ---- Writes whose commit is not known.

// Looks them up on a connection and a thread of its own.
struct postgres_prover {
    pthread_mutex_t mutex; // guards what follows, up to thread
    pthread_cond_t wake;
    struct postgres_lost *lost; // connections that broke, which nobody looked at yet
    size_t busy;                // those not done with
    bool is_closing;            // each is looked at once more
    bool is_over;               // no more will come
    pthread_t thread;
    bool started;
};

// driver_postgres_prove.c

// postgres_prover_init() prepares one without its thread.
void postgres_prover_init(struct postgres_prover *prover);

// postgres_prover_start() starts the thread.
MUST_CHECK enum err postgres_prover_start(struct postgres_db *db, struct error *err);

// postgres_prover_take() takes over the operations that a connection was about to commit when it
// broke, each of which has a proof. They end there, or are queued again. The backend that served
// it is ended: at the latest after 8 s, when those whose fate could not be found out end with
// ERR_UNKNOWN_OUTCOME. Without operations it is ended at once.
void postgres_prover_take(struct postgres_db *db, const struct postgres_backend *backend,
                          struct postgres_list *tasks);

// postgres_prover_is_idle() tells whether all of them have ended or were queued again.
bool postgres_prover_is_idle(struct postgres_prover *prover);

// postgres_prover_hurry() makes it look once more at each and give up then, since the database is
// being closed.
void postgres_prover_hurry(struct postgres_prover *prover);

// postgres_prover_done() ends the thread, when the loop has ended.
void postgres_prover_done(struct postgres_prover *prover);

// postgres_backend_find() asks a connection who serves it; zeros if that is not told. Blocks.
// ERR_UNAVAILABLE: the connection broke.
MUST_CHECK enum err postgres_backend_find(struct pg_conn *handle,
                                          struct postgres_backend *ret_backend, struct error *err);

// ---- The database.

// What was submitted and the loop did not see yet.
struct postgres_inbox {
    pthread_mutex_t mutex; // guards what follows
    struct postgres_list list;
    bool sleeping; // the loop wants to be woken
    bool closing;
};

struct postgres_db {
    struct sql sql;
    struct postgres_address address;
    struct postgres_address direct;                 // past the pooler
    const struct postgres_address *session_address; // whose sessions last; NULL: there is none
    struct postgres_lane lanes[POSTGRES_LANES];     // by enum sql_lane
    struct postgres_stmts stmts;
    struct postgres_inbox inbox;
    struct postgres_connector connector;
    struct postgres_listener listener;
    struct postgres_outbox outbox;
    struct postgres_prover prover;
    int epoll_fd;
    int wake_fd;
    pthread_t thread;
    bool started;
    atomic_bool down;     // the last connection could not be opened
    atomic_uint opened;   // how many connections could be
    atomic_llong full_us; // monotonic; when a write last failed for want of room, 0: never
    // The loop's own:
    struct random random;
    unsigned probes;      // connections being opened
    unsigned failures;    // connections that could not be opened, in a row
    int64_t retry_us;     // when the next may be tried
    struct error failure; // of the last one
    int64_t down_us;      // monotonic, since when it is down
};

// driver_postgres_lane.c

// postgres_lane_init() gives an open database its lane.
void postgres_lane_init(struct postgres_db *db, enum sql_lane lane, bool is_pooled);

// postgres_lane_done() frees.
void postgres_lane_done(struct postgres_lane *lane);

// postgres_lane_add() queues a task at the end.
void postgres_lane_add(struct postgres_lane *lane, struct postgres_task *task);

// postgres_lane_admit() counts an operation that is to be queued. False: there are too many. From
// any thread.
MUST_CHECK bool postgres_lane_admit(struct postgres_lane *lane);

// postgres_lane_put_back() queues tasks before all others.
void postgres_lane_put_back(struct postgres_lane *lane, struct postgres_list *first);

// postgres_lane_run() sends what there is room for, and asks for connections where there is none.
void postgres_lane_run(struct postgres_db *db, struct postgres_lane *lane);

// postgres_lane_writes() tells whether its connections write; NULL does not.
bool postgres_lane_writes(const struct postgres_lane *lane);

// postgres_lane_is_open() tells whether it has a connection that something can be sent on.
bool postgres_lane_is_open(const struct postgres_lane *lane);

// postgres_lane_grow() asks for one more connection, unless one is on its way or it is too early.
void postgres_lane_grow(struct postgres_db *db, struct postgres_lane *lane);

// postgres_lanes_renew() has all lanes learn the types of their statements anew: tables were
// changed. What was prepared ends with its connection.
void postgres_lanes_renew(struct postgres_db *db);

// postgres_lanes_end() has nothing more sent on the connections there are: each is closed when what
// is under way on it has ended.
void postgres_lanes_end(struct postgres_db *db);

// postgres_lane_wants() tells whether it needs a connection and has none.
bool postgres_lane_wants(const struct postgres_db *db, const struct postgres_lane *lane);

// postgres_lane_is_idle() tells whether it has nothing to do.
bool postgres_lane_is_idle(const struct postgres_lane *lane);

// driver_postgres_loop.c

// postgres_loop_start() starts the thread that drives the connections.
MUST_CHECK enum err postgres_loop_start(struct postgres_db *db, struct error *err);

// postgres_loop_done() runs what is queued and ends the thread.
void postgres_loop_done(struct postgres_db *db);

// postgres_backoff_us() is how long to wait after so many failures in a row, 1 or more.
int64_t postgres_backoff_us(struct postgres_db *db, unsigned failures);

// postgres_note_refusal() takes a pooler's word that it has no server: nothing is sent by way of it
// before a new connection was answered.
void postgres_note_refusal(struct postgres_db *db, const char *why);

// postgres_wake() makes the loop look at what there is to do. From any thread.
void postgres_wake(struct postgres_db *db);

// postgres_submit() queues an operation. From any thread.
void postgres_submit(struct sql *sql, struct sql_op *op);

// postgres_submit_again() queues a task that was queued before. From any thread, as long as the
// loop runs.
void postgres_submit_again(struct postgres_db *db, struct postgres_task *task);

// driver_postgres_script.c

// postgres_run_script() is sql_driver.script().
MUST_CHECK enum err postgres_run_script(struct sql *sql, const struct sql_script *script,
                                        struct error *err);

// driver_postgres_session.c

// postgres_session_open() is sql_driver.session_open().
MUST_CHECK enum err postgres_session_open(struct sql *sql, struct sql_session **ret_session,
                                          struct error *err);

// postgres_session_verify() refuses a direct address that leads to another database, or schema,
// than the connection does: ERR_CONFLICT. What cannot be reached now is not refused. Blocks.
MUST_CHECK enum err postgres_session_verify(const struct postgres_address *direct,
                                            struct pg_conn *handle, struct error *err);

// postgres_session_close() is sql_driver.session_close().
void postgres_session_close(struct sql_session *session);

// postgres_session_run() is sql_driver.session_run().
MUST_CHECK enum err postgres_session_run(struct sql_session *session, const char *text,
                                         sql_row_fn *on_row, void *ctx, struct error *err);

// driver_postgres_error.c

// postgres_error() turns what the server said into an error. sqlstate may be NULL.
enum err postgres_error(const struct pg_result *result, struct error *err);

// postgres_error_unavailable() is the error of a database that cannot be used now.
enum err postgres_error_unavailable(struct error *err, const char *cause);

// driver_postgres_place.c

// postgres_error_place_values() adds to the error of a step the values that were too long or too
// large for their columns, where they can be told.
void postgres_error_place_values(const struct pg_result *result, const struct sql_step *step,
                                 struct error *err);

// driver_postgres_error.c

// postgres_error_is_locked() tells whether a failed result says that a lock was not to be had.
bool postgres_error_is_locked(const struct pg_result *result);

// postgres_sqlstate() is the code of a failed result, "" if it has none.
const char *postgres_sqlstate(const struct pg_result *result);

#endif
