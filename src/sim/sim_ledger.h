// The file of paid projects, by which a simulator that starts again goes on where it ended.
#ifndef SUNLEAD_SIM_LEDGER_H
#define SUNLEAD_SIM_LEDGER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "sim/sim_state.h"

// One JSON object a line and project, in the order of creation. First all lines are read, then
// projects are appended; one thread at a time.
struct sim_ledger;

// sim_ledger_open() opens the file, which it makes with the folders above it where it is not there,
// and locks it. The path must outlive the ledger. ERR_CONFLICT when another simulator has it,
// ERR_INVALID for what is no file. Blocks.
MUST_CHECK enum err sim_ledger_open(const char *path, struct sim_ledger **ret_ledger,
                                    struct error *err);

// sim_ledger_read() reads the next project; its texts live in the arena, started_us is 0.
// *ret_found is false behind the last one; a last line that a crash cut is dropped then, and
// logged. ERR_CORRUPT with the line's number where another line is broken: not what append wrote,
// or ids that are not above those of the line before. Blocks.
MUST_CHECK enum err sim_ledger_read(struct sim_ledger *ledger, struct arena *arena,
                                    struct sim_project *ret_project, bool *ret_found,
                                    struct error *err);

// sim_ledger_append() adds a project's line and returns when it is on disk. After a failure nothing
// of it is left. If even that cannot be made sure of, this and all later calls are ERR_UNAVAILABLE.
// Blocks.
MUST_CHECK enum err sim_ledger_append(struct sim_ledger *ledger, const struct sim_project *project,
                                      struct error *err);

// sim_ledger_close() gives the lock back and frees. NULL is fine.
void sim_ledger_close(struct sim_ledger *ledger);

#endif
