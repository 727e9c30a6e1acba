// The mesh files of projects: made when first asked for, kept for a while.
#ifndef SUNLEAD_SIM_FILES_H
#define SUNLEAD_SIM_FILES_H

#include "base/error.h"
#include "base/str.h"
#include "http/http_server.h"
#include "sim/sim_state.h"

struct sim_files;

// sim_files_open() starts the one thread that makes and keeps files: of each project's own house,
// or for all of them those of the first that is asked for.
MUST_CHECK enum err sim_files_open(bool same_house, struct sim_files **ret_files,
                                   struct error *err);

// sim_files_stop() answers what is still waiting and ends the thread; further requests get 503.
// NULL is fine. Blocks.
void sim_files_stop(struct sim_files *files);

// sim_files_close() stops and frees; no request may come any more. NULL is fine. Blocks.
void sim_files_close(struct sim_files *files);

// What a file suffers before it is sent. Zeroed: nothing.
struct sim_file_flaw {
    bool is_newer; // another one than usual, with a comment in it
    bool is_short; // truncated as sim_spoil_length() says, under the sums of the whole file
    int64_t short_at;
};

// sim_files_answer() answers a request for a file of a project by the file's name ("scene.obj"),
// later and from another thread, with ETag, x-goog-hash (MD5) and Range; 404 for other names, 503
// when too many wait.
void sim_files_answer(struct sim_files *files, struct http_request *request,
                      const struct sim_project *project, struct str name,
                      struct sim_file_flaw flaw);

#endif
