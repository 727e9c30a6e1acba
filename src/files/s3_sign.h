// Addresses of an S3 store that are signed in their query (AWS Signature Version 4).
#ifndef SUNLEAD_FILES_S3_SIGN_H
#define SUNLEAD_FILES_S3_SIGN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

struct buf;

// Who signs.
struct s3_key {
    struct str region;
    struct str id;
    struct str secret;
    struct str session_token; // null: none
};

// What may be asked for by an address.
struct s3_grant {
    const char *method;     // "GET", "HEAD"
    struct str origin;      // "https://host" or "http://host:9000"
    struct str path;        // from its slash; only letters, digits and "-._~/"
    struct str disposition; // of the answer (Content-Disposition); null: the store's
    struct str content_type;
    int64_t now_us;
    unsigned expires_s;
};

// s3_presign() is the signed address, in the arena. Nothing is asked of the store.
struct str s3_presign(const struct s3_key *key, const struct s3_grant *grant, struct arena *arena);

// s3_append_encoded() adds a text as it stands in a query: all but letters, digits and "-._~" as
// %XX.
void s3_append_encoded(struct buf *buf, struct str text);

#endif
