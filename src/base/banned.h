// Turns functions of the C library that are easy to use wrongly into build errors.
#ifndef SUNLEAD_BASE_BANNED_H
#define SUNLEAD_BASE_BANNED_H

// The system headers that declare the functions come first, so that poisoning harms no declaration.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

// Fortified C libraries define some of them as macros, which cannot be poisoned.
#undef sprintf
#undef vsprintf
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat

// Instead: struct buf and buf_printf() for text, number_parse_*() for numbers, time_append() and
// time_parse() for times, random_*() for chance.
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok strtok_r
#pragma GCC poison atoi atol atoll atof strtol strtoll strtoul strtoull
#pragma GCC poison gmtime localtime ctime asctime mktime
#pragma GCC poison rand srand gets

#endif
