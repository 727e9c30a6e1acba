// A real PostgreSQL server for a test program, in a temporary folder of its own.
#ifndef SUNLEAD_TEST_POSTGRES_H
#define SUNLEAD_TEST_POSTGRES_H

#include <stdbool.h>

// The server goes away with its test program, however that ends. Durability is off: what is tested
// is what happens when the server or a connection ends, never a power cut.
struct postgres;

// postgres_start() makes and starts one, which trusts everybody who reaches its socket. NULL after
// saying why.
struct postgres *postgres_start(void);

// postgres_stop() ends the server, removes its folder and frees. NULL is fine.
void postgres_stop(struct postgres *server);

// postgres_create() makes an empty database ("db" and a number), as a copy of another where one is
// named, and returns its URL, which lives as long as the server. Fails the test.
const char *postgres_create(struct postgres *server, const char *copy_of);

// postgres_pool() is the URL of a database by way of PgBouncer, which hands each transaction to any
// of its connections and is started with the first call. Fails the test.
const char *postgres_pool(struct postgres *server, const char *url);

// postgres_drop() removes a database by its URL, with those who are connected to it.
void postgres_drop(struct postgres *server, const char *url);

// postgres_allow() has a database take new connections, or none. Fails the test.
void postgres_allow(struct postgres *server, const char *url, bool allowed);

// postgres_exec() runs a statement as the administrator in a database by its URL. Fails the test.
void postgres_exec(struct postgres *server, const char *url, const char *statement);

// postgres_halt() stops the server as an operator does (sessions are ended politely), or at once as
// a crash does. It can be resumed.
void postgres_halt(struct postgres *server, bool crash);

// postgres_resume() starts a halted server again, and waits until it answers.
void postgres_resume(struct postgres *server);

#endif
