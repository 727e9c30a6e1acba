// Answers that are our copies of files.
#ifndef SUNLEAD_API_FILE_ANSWER_H
#define SUNLEAD_API_FILE_ANSWER_H

#include "domain/model_file.h"
#include "http/http_server.h"

// How long others may keep an answer.
enum file_caching {
    FILE_CACHING_ASK,       // private caches, which ask each time
    FILE_CACHING_IMMUTABLE, // anybody, for a year
};

// file_answer() answers with the content of a stored file, or with why it cannot be had. Ranges and
// conditions are looked at. Call it once for a request.
void file_answer(struct http_request *request, const struct model_file *file,
                 enum file_caching caching);

#endif
