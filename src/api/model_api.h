// Handlers of a lead's 3D model as viewers get it.
#ifndef SUNLEAD_API_MODEL_API_H
#define SUNLEAD_API_MODEL_API_H

#include "http/http_server.h"

// model_api_get() answers with the state of a lead's model, its manifest and where its files are.
void model_api_get(struct http_request *request);

// model_api_file() sends to the file of the model in the format that is asked for.
void model_api_file(struct http_request *request);

// model_api_reconvert() has the model made again of the originals, which are fetched first where
// they are missing.
void model_api_reconvert(struct http_request *request);

#endif
