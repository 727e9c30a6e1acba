// The service: all parts of `sunlead serve` and `sunlead worker`, wired together.
#ifndef SUNLEAD_APP_SERVICE_H
#define SUNLEAD_APP_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/config.h"
#include "base/error.h"
#include "base/macro.h"

struct service;

#define SERVICE_DRAIN_MS 10000 // how long requests and jobs may take to end

struct service_options {
    bool insecure;   // may listen where others reach it, and behind a proxy
    bool no_migrate; // fail instead of migrating a database that is behind
    bool no_jobs;    // other processes run the jobs
    bool no_server;  // other processes serve the API
    unsigned pace;   // of time-outs (base/pace.h)
};

// service_open() starts everything; requests are answered and jobs run from then on. config must
// outlive the service. ERR_INVALID for a setting that does not work; other codes for what stands in
// the way (a port that is taken, a database in use, a folder that is not writable). Blocks.
MUST_CHECK enum err service_open(const struct config *config, const struct service_options *options,
                                 struct service **ret_service, struct error *err);

// service_port() is the port that the service listens on; it must have a server.
uint16_t service_port(const struct service *service);

// service_drain() lets requests and jobs end, timeout_ms at most for both, and hands back the jobs
// that did not. Returns how many requests and jobs are still running. Blocks.
size_t service_drain(struct service *service, unsigned timeout_ms);

// service_close() stops everything in the reverse order and frees it. Nothing may be running:
// service_drain() gave 0. NULL is fine.
void service_close(struct service *service);

// service_run() waits for SIGTERM or SIGINT, which must be blocked (stop_signal_block()), drains
// and closes. Logs as command ("serve"). Returns the exit status; it ends the process itself if
// something still runs then.
int service_run(struct service *service, const char *command);

// service_close_ptr() is service_close() for CLEANUP.
void service_close_ptr(struct service **service);

#endif
